"""Which job belongs to which run: by the files that it makes, by its id in a file's name, by what its submission says.

A Snakemake job belongs to the runs that its outputs and logs lie in. A SLURM job belongs to the run that a Snakemake
log, the name of its own log, or the Snakemake inside it tells; where none does, to the one that its submission names:
the files it writes to, its script, its name. The executor of Snakemake 9 names all jobs by one UUID, which says
nothing. Of a failed group the main log names all jobs as failed; only the log of its cluster job knows which one did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..facts import SlurmJob, SnakemakeJob
from ..files import read_head, read_tail, read_text
from ..outputs import OF_A_RUN
from ..project.project import Project
from ..project.runs import Run, run_of_path
from . import snakemake_log
from .sacct import base_id

SCRIPT_BYTES = 64 * 1024  # of a batch script
INNER_LOG_BYTES = 16 * 1024  # of a job's own log: the block of its rule stands at the top
_SMK = re.compile(r"(?:smk|snakejob|snakemake)[-_.](?P<rule>\w+)[-_.](?P<wildcards>\w+=.+)")
_SCRIPT = re.compile(r"(?<!\S)\S{1,400}\.(?:sh|sbatch|slurm|batch|bash|job)\b")
_ARRAY = re.compile(r"^\s*(?:declare -a )?(\w+)=\(([^)]*)\)", re.MULTILINE)
_INDEXED = re.compile(r"\$\{(\w+)\[\s*\$?\{?SLURM_ARRAY_TASK_ID\}?\s*\]\}")
_PLACES = {"job_id": r"(?P<job_id>\d+(?:_\d+)?)", "rule": r"(?P<rule>[^/]+?)", "wildcards": r"(?P<wildcards>[^/]+)"}


# --- Snakemake's jobs ----------------------------------------------------------------------------------------------


def runs_of_job(job: SnakemakeJob, project: Project) -> list[str]:
    """Ids of the runs that a job's outputs and logs lie in, be they on disk or not. Our own jobs belong to none."""
    if any(Path(output).name in OF_A_RUN for output in job.outputs):
        return []
    found = (run_of_path(path, project) for path in [*job.outputs, *job.logs])
    return list(dict.fromkeys(run_id for run_id in found if run_id))


def settle_groups(jobs: Iterable[SnakemakeJob], files: Mapping[str, JobFiles]) -> None:
    """Correct, in place, the state of jobs whose group failed after they had finished. files: by SLURM job id."""
    groups: dict[tuple[str, str], list[SnakemakeJob]] = {}
    for job in jobs:
        if job.state == snakemake_log.FAILED and job.external_jobid:
            groups.setdefault((job.log, job.external_jobid), []).append(job)
    for (_, job_id), members in groups.items():
        if len(members) < 2:
            continue
        finished = _finished_inside(files.get(job_id) or files.get(base_id(job_id)))
        for job in members:
            if set(job.outputs) & finished:
                job.state = snakemake_log.FINISHED


def _finished_inside(files: JobFiles | None) -> set[str]:
    """Outputs of the jobs that the Snakemake inside a SLURM job says it finished."""
    finished: set[str] = set()
    for path, _ in files.logs if files else []:
        try:
            inner = snakemake_log.parse(read_text(path), str(path))
        except OSError:
            continue
        finished |= {name for job in inner.jobs if job.state == snakemake_log.FINISHED for name in job.outputs}
    return finished


# --- files of a cluster's job ---------------------------------------------------------------------------------------


@dataclass
class JobFiles:
    """The logs of one job. role: "job" for what sbatch captured, "executor" for those of Snakemake's SLURM plugin."""

    job_id: str
    rule: str = ""
    logs: list[tuple[Path, str]] = field(default_factory=list)  # with their role


def find_job_files(project: Project) -> dict[str, JobFiles]:
    """All jobs that left a log, by job id."""
    found: dict[str, JobFiles] = {}
    for role, patterns in (("job", project.profile.logs.job), ("executor", project.profile.logs.executor)):
        for pattern in patterns:
            expression = _expression(pattern)
            for path in sorted(project.root.glob(_glob(pattern))):
                match = expression.fullmatch(path.relative_to(project.root).as_posix())
                if match:
                    names = match.groupdict()
                    files = found.setdefault(names["job_id"], JobFiles(names["job_id"], names.get("rule") or ""))
                    files.logs.append((path, role))
    return found


def _glob(pattern: str) -> str:
    return re.sub(r"\{\w+\}", "*", pattern)


def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", pattern)
    return re.compile("".join(_PLACES[part] if i % 2 else re.escape(part) for i, part in enumerate(parts)))


def run_of_own_log(files: JobFiles, project: Project, known: set[str], matcher: JobMatcher) -> str:
    """The run of a job whose id no main log tells: by its log's name, or by the Snakemake inside it, at the log's top.

    known: ids of the runs on disk. "" if neither tells.
    """
    if run_id := matcher.in_name(files.rule):
        return run_id
    for path, _ in files.logs:
        try:
            head = read_head(path, INNER_LOG_BYTES)
        except OSError:
            continue
        jobs = snakemake_log.parse(head, project.relative(path)).jobs
        for run_id in (run_id for job in jobs for run_id in runs_of_job(job, project)):
            if run_id in known:
                return run_id
    return ""


# --- what a submission says ----------------------------------------------------------------------------------------


class JobMatcher:
    """Matches jobs to the runs on disk. jobs: what Snakemake's logs tell of the runs, to learn the rules' names."""

    def __init__(self, project: Project, runs: list[Run], jobs: dict[str, list[SnakemakeJob]]) -> None:
        self.project = project
        self.runs = runs
        self.by_id = {run.id: run for run in runs}
        told = [(job, run_id) for run_id, of_run in jobs.items() for job in of_run]
        self.seen = {(job.rule, _values(job.wildcards)): run_id for job, run_id in told}
        self.name_of_rule = {job.rule: run_id.partition("/")[2] for job, run_id in told}

    def run_of(self, job: SlurmJob) -> str:
        """The id of the job's run, or "" if it is not certain."""
        command = job.fields.get("SubmitLine", "")
        return self._by_rule(job.name) or self.in_command(command, job.id) or self.in_name(job.name)

    def in_command(self, command: str, job_id: str = "") -> str:
        """The run that a submission's command line or its script names by a path below experiment_root."""
        if found := self._paths(command):
            return found
        for script in _SCRIPT.findall(command):
            try:
                text = read_head(self.project.root / script, SCRIPT_BYTES)
            except OSError:
                continue
            if found := self._paths(text) or self._array_task(text, job_id):
                return found
        return ""

    def in_name(self, name: str) -> str:
        """The run whose dataset and name both stand in a job's or file's name; of several, the longest."""
        found = [run for run in self.runs if _holds(name, run.dataset) and _holds(name, run.name)]
        found.sort(key=lambda run: len(run.name))
        return found[-1].id if found and (len(found) == 1 or len(found[-2].name) < len(found[-1].name)) else ""

    def _paths(self, text: str) -> str:
        named = {run_of_path(path, self.project) for path in re.split(r"[\s=<>\"']+", text)} & set(self.by_id)
        return named.pop() if len(named) == 1 else ""

    def _array_task(self, script: str, job_id: str) -> str:
        """The task's element of a bash array that holds datasets or runs, as job arrays mostly choose their work."""
        _, _, task = job_id.partition("_")
        if not task.isdigit():
            return ""
        arrays = {name: values.replace('"', " ").replace("'", " ").split() for name, values in _ARRAY.findall(script)}
        chosen: list[str] = [
            arrays[name][int(task)] for name in _INDEXED.findall(script) if int(task) < len(arrays.get(name, []))
        ]
        for value in chosen:
            if value in self.by_id:
                return value
        fitting = [run for run in self.runs if run.dataset in chosen or run.name in chosen]
        named = [run for run in fitting if run.name in chosen or f"/{run.name}" in script] or fitting
        return named[0].id if len(named) == 1 else ""

    def _by_rule(self, job_name: str) -> str:
        """Names as the target's cluster profile gives them: smk-{rule}-{wildcards}."""
        match = _SMK.fullmatch(job_name)
        if not match:
            return ""
        values = dict(item.split("=", 1) for item in match["wildcards"].split(",") if "=" in item)
        if found := self.seen.get((match["rule"], _values(values))):
            return found
        inside = [run for run in self.runs if run.dataset in values.values()]
        same = [run for run in inside if run.name == self.name_of_rule.get(match["rule"])]
        same = same or [run for run in inside if run.name in values.values()] or self._by_words(match["rule"], inside)
        return same[0].id if len(same) == 1 else ""

    def _by_words(self, rule: str, runs: list[Run]) -> list[Run]:
        words = set(re.split(r"[_-]", rule.lower()))
        fitting = []
        for run in runs:
            stage = self.project.profile.stages.get(run.stage)
            if stage and words & set(stage.rule_words) and (not run.size or run.size in words):
                fitting.append(run)
        exact = [run for run in fitting if run.kd == ("kd" in words)]
        return exact if len(exact) == 1 else fitting


def submit_logs(project: Project) -> list[Path]:
    """Files that caught what sbatch said at submission."""
    return sorted({path for pattern in project.profile.logs.submit for path in project.root.glob(pattern)})


def refused(project: Project, matcher: JobMatcher) -> dict[str, tuple[Path, str]]:
    """Runs whose submission sbatch refused, with the file that says so and sbatch's words."""
    found: dict[str, tuple[Path, str]] = {}
    for path in submit_logs(project):
        try:
            lines = read_tail(path, SCRIPT_BYTES).splitlines()
        except OSError:
            continue
        run_id = ""
        for line in lines:
            if re.search(r"(?:^|[\s+/])sbatch\s+\S", line) and "error:" not in line:
                job_name = re.search(r"(?:--job-name[= ]|-J )(\S+)", line)
                run_id = matcher.in_command(line) or (matcher.in_name(job_name[1]) if job_name else "")
            elif run_id and line.startswith("sbatch: error:"):
                found[run_id] = (path, line)
            elif run_id and line.startswith("Submitted batch job"):
                found.pop(run_id, None)
    return found


def _holds(text: str, word: str) -> bool:
    return bool(re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text))


def _values(wildcards: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(wildcards.items()))
