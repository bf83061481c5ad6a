"""What Snakemake and SLURM know of each run: their logs and records, matched to runs (jobs_of_runs says how)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from .. import times
from ..facts import SlurmJob, SnakemakeJob
from ..files import read_tail
from ..installation import SNAKEFILE
from ..outputs import MARK, OF_A_RUN, OF_THE_PROJECT
from ..paths import same_folder
from ..project.project import SACCT_AUTO, SACCT_OFF, Project
from ..project.runs import Run
from . import sacct, snakemake_log
from .jobs_of_runs import JobFiles, JobMatcher, find_job_files, refused, run_of_own_log, runs_of_job, settle_groups
from .snakemake_log import SnakemakeLog

LOGS_READ = 60  # Snakemake logs, the newest: older attempts are history that nobody asks for
LOG_BYTES = 8 * 1024 * 1024  # of one Snakemake log; 20,000 jobs
ALL_LOG_BYTES = 32 * 1024 * 1024  # of all of them together; about half a second
LIVE_IDS = 500  # job ids given to one call of sacct


@dataclass
class SchedulerRecords:
    """What was found, oldest first. logs: the pipeline's Snakemake logs. jobs, slurm: by run id. files: by job id."""

    logs: list[SnakemakeLog] = field(default_factory=list)
    jobs: dict[str, list[SnakemakeJob]] = field(default_factory=dict)
    slurm: dict[str, list[SlurmJob]] = field(default_factory=dict)
    files: dict[str, JobFiles] = field(default_factory=dict)
    run_of_job: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[Path, str]] = field(
        default_factory=dict
    )  # run id -> where sbatch refused it, and its words
    problems: list[str] = field(default_factory=list)  # what could not be read, and why

    def job_ids(self, run_id: str) -> list[str]:
        """SLURM job ids of the run, oldest first as far as their order is known."""
        ids = [job.external_jobid for job in self.jobs.get(run_id, []) if job.external_jobid]
        ids += [job.id for job in self.slurm.get(run_id, [])]
        ids += sorted((i for i, run in self.run_of_job.items() if run == run_id), key=_number)
        return sorted(dict.fromkeys(ids), key=_number)


def read(project: Project, runs: list[Run], known_jobs: dict[str, str]) -> SchedulerRecords:
    """Read what the schedulers left. known_jobs: job ids that sentinels and runs' own logs tell, with their runs."""
    records = SchedulerRecords(run_of_job=dict(known_jobs))
    known = {run.id for run in runs}
    _read_snakemake_logs(project, records, known)
    records.files = find_job_files(project)
    for log in records.logs:
        settle_groups(log.jobs, records.files)
    matcher = JobMatcher(project, runs, records.jobs)
    _ask_own_logs(project, records, known, matcher)
    _read_accounting(project, records, matcher)
    records.refused = refused(project, matcher)
    return records


def _read_snakemake_logs(project: Project, records: SchedulerRecords, known: set[str]) -> None:
    paths = sorted({path for pattern in project.profile.logs.snakemake for path in project.root.glob(pattern)})[
        -LOGS_READ:
    ]
    if project.snakemake_log and project.snakemake_log not in paths:
        paths.append(project.snakemake_log)  # a console has no date in its name; it shows the newest call
    budget = ALL_LOG_BYTES
    for path in reversed(paths):
        name = project.relative(path)
        try:
            text = read_tail(path, min(LOG_BYTES, budget))
        except OSError as error:
            records.problems.append(f"{name}: cannot be read ({error.strerror})")
            continue
        budget -= len(text)
        log = snakemake_log.parse(text, name)
        if not _is_own(log, text):
            records.logs.insert(0, log)
        if budget <= 0:
            records.problems.append("older Snakemake logs were not read: they are too large")
            break
    seen: set[tuple[str, ...]] = set()
    for log in records.logs:
        for job in log.jobs:
            key = (job.rule, job.jobid, job.time, job.external_jobid, *job.outputs)
            if key in seen:  # a console shows the same job as the log file
                continue
            seen.add(key)
            for run_id in runs_of_job(job, project):
                if run_id in known:
                    records.jobs.setdefault(run_id, []).append(job)
                    if job.external_jobid:
                        records.run_of_job.setdefault(job.external_jobid, run_id)


def _is_own(log: SnakemakeLog, text: str) -> bool:
    """Whether a log is that of a diagnosis, not of the pipeline. With us as a module, one log is of both."""
    if log.snakefile == str(SNAKEFILE):
        return True
    if log.jobs:
        return all(_is_own_job(job) for job in log.jobs)
    return f"\n{MARK}" in f"\n{text}"


def _is_own_job(job: SnakemakeJob) -> bool:
    names = {Path(output).name for output in job.outputs}
    return bool(names & {*OF_A_RUN, *OF_THE_PROJECT}) or job.rule.endswith("diagnose_all")


def _ask_own_logs(project: Project, records: SchedulerRecords, known: set[str], matcher: JobMatcher) -> None:
    for job_id, files in records.files.items():
        if job_id not in records.run_of_job and (run_id := run_of_own_log(files, project, known, matcher)):
            records.run_of_job[job_id] = run_id


def _read_accounting(project: Project, records: SchedulerRecords, matcher: JobMatcher) -> None:
    if project.sacct == SACCT_OFF:
        return
    if project.sacct == SACCT_AUTO:
        newest = sorted(records.run_of_job, key=_number)[-LIVE_IDS:]
        accounting = sacct.live(newest, project.root)
    else:
        table = Path(project.sacct)
        accounting = sacct.read_table(table, project.relative(table), project.root, records.run_of_job)
    if accounting.problem:
        records.problems.append(accounting.problem)
    known = records.run_of_job
    for job in _of_this_project(accounting.jobs, project.root, known):
        run_id = known.get(job.id) or known.get(job.fields.get("JobIDRaw", "")) or matcher.run_of(job)
        if run_id:
            records.slurm.setdefault(run_id, []).append(job)
    for of_run in records.slurm.values():
        of_run.sort(key=lambda job: times.parse(job.submit or job.start) or datetime.min)


def _of_this_project(jobs: list[SlurmJob], root: Path, known: dict[str, str]) -> Iterable[SlurmJob]:
    """Records of this project: where any of them ran in its folder, those of other folders are another copy's."""
    here = {job.work_dir for job in jobs if same_folder(job.work_dir, root)}
    here = here or {job.work_dir for job in jobs if job.id in known}
    return (job for job in jobs if not here or not job.work_dir or job.work_dir in here)


def _number(job_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,18}", job_id)) or (0,)
