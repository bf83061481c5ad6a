"""Which runs failed, and how we know.

Every source records a state of a run: it failed, it succeeded, it runs. What is recorded of earlier attempts does not
count: of those that ended before the newest attempt began. Of the rest a failure outweighs a success, since a program
can record its success and die then. Cheap, since it runs whenever the Snakefile is parsed: only ends of logs are read.
Whether a run that ended well is to be suspected is not asked here: screening does, after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .. import times
from ..errors import ConfigError, near_match
from ..facts import Attempt, SlurmJob, SnakemakeJob
from ..log_prefix import strip_prefix
from ..project.project import Project
from ..project.runs import Run, can_be_named, find_all, own_streams, success_artefact
from ..project.whereabouts import proposal, require_runs
from ..text import one_line
from . import attempts, log_ending, run_table, scheduler_records, sentinel
from .attempts import Tried
from .log_ending import Ending
from .recorded_states import (
    COMPLETE,
    FAILED,
    OPEN,
    RUNNING,
    RecordedState,
    of_accounting,
    of_newest_attempt,
    of_snakemake,
    of_table,
)
from .sacct import base_id
from .scheduler_records import SchedulerRecords
from .sentinel import SENTINEL
from .workflow_failure import find as find_workflow_failure

RECENT = timedelta(minutes=10)  # a training that lives writes to its log more often; validation epochs may take minutes
NEWER = (
    2.0  # seconds by which one file must be younger than another; copies and coarse file systems blur less than that
)

QUOTED_CHARACTERS = 100  # of the line that a log ends in
UNKNOWN = "unknown"  # how it ended, or that it was started at all
NO_END = "nothing says how it ended"
DIAGNOSED = ("failed", "suspect")


@dataclass
class RunState:
    """What discovery says of a run. state: failed, suspect, running, complete or unknown; reasons say why, in words.

    attempts: oldest first, the last one counts. job_ids: SLURM job ids, oldest first. Of the last attempt: slurm_jobs
    and snakemake_jobs, job_logs (with their role), and snakemake_logs, relative to the project. not_read: what could
    not be read on the way. For the pipeline itself `run.id` is "(workflow)".
    """

    run: Run
    state: str = UNKNOWN
    reasons: list[str] = field(default_factory=list)
    sentinel: dict[str, Any] = field(default_factory=dict)
    job_ids: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    slurm_jobs: list[SlurmJob] = field(default_factory=list)
    snakemake_jobs: list[SnakemakeJob] = field(default_factory=list)
    job_logs: list[tuple[Path, str]] = field(default_factory=list)
    snakemake_logs: list[str] = field(default_factory=list)
    not_read: list[str] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.run.directory

    @property
    def undecided(self) -> bool:
        """It was started, and nothing says how it ended."""
        return self.state == UNKNOWN and self.reasons[-1:] == [NO_END]


@dataclass
class Discovery:
    """runs: all runs, sorted by id. workflow: the pipeline's own failure, if there is one. notes: what was not read."""

    runs: list[RunState]
    workflow: RunState | None
    records: SchedulerRecords
    notes: list[str]

    @property
    def diagnosed(self) -> list[RunState]:
        """Those that diagnose_all diagnoses."""
        return [state for state in self.failed if can_be_named(state.run.id)]

    @property
    def undecided(self) -> list[str]:
        """Ids of the runs that were started, and of which nothing says how they ended."""
        return [state.run.id for state in self.runs if state.undecided]

    @property
    def failed(self) -> list[RunState]:
        """Those with a diagnosis to make, whether or not Snakemake can name its files."""
        chosen = [state for state in self.runs if state.state in DIAGNOSED]
        return chosen + ([self.workflow] if self.workflow else [])

    @property
    def all_runs(self) -> dict[str, RunState]:
        """By id, for the readers that look beyond the run that they read."""
        return {state.run.id: state for state in self.runs}

    def state_of(self, run_id: str) -> RunState | None:
        every = [*self.runs, *([self.workflow] if self.workflow else [])]
        return next((state for state in every if state.run.id == run_id), None)

    def required(self, run_id: str, project: Project) -> RunState:
        """The state of a run that somebody asks for. Raises ConfigError if it is not there."""
        state = self.state_of(run_id)
        if state is None:
            hint = near_match(run_id, [other.run.id for other in self.runs])
            raise ConfigError(f'there is no run "{run_id}" in {project.experiment_root}{hint}')
        return state

    def report(self) -> list[str]:
        """A line for each run: whether it is diagnosed, and why. The last one sums up."""
        shown = [*self.runs, *([self.workflow] if self.workflow else [])]
        width = max((len(state.run.id) for state in shown), default=0)
        lines = [f"{state.run.id:<{width}}  {_action(state)}: {'; '.join(state.reasons)}" for state in shown]
        count = len(self.diagnosed)
        lines += [f"note: {note}" for note in self.notes]
        if count:
            lines.append(f"{count} of {len(shown)} to diagnose")
        else:
            lines.append(f"nothing to do: none of {len(self.runs)} runs has failed")
        return lines


def discover(project: Project, runs_required: bool = True) -> Discovery:
    """Look at all runs of the project. Raises ConfigError if runs are required, and there is no folder of them.

    A pipeline that stopped before its first run is reason enough for its absence.
    """
    runs = find_all(project)
    looks = [_Look(project, run) for run in runs]
    known_jobs = {job_id: look.run.id for look in looks for job_id in look.known_jobs()}
    records = scheduler_records.read(project, runs, known_jobs)
    table = run_table.read(project)
    workflow_run = find_workflow_failure(project, records.logs, {run.id for run in runs})
    if workflow_run is None and runs_required:
        require_runs(project)
    states = [look.state(records, table) for look in looks]
    workflow = None
    if workflow_run:
        workflow = RunState(
            workflow_run.run, "failed", [workflow_run.reason], snakemake_logs=workflow_run.logs,
            attempts=[Attempt(1, state="failed", logs=workflow_run.logs)],
        )  # fmt: skip
    notes = [*records.problems, *table.problems]
    if workflow is None and not any(look.endings or look.sentinel is not None for look in looks):
        notes += _why_no_logs(project)
    return Discovery(states, workflow, records, notes)


def _why_no_logs(project: Project) -> list[str]:
    """Runs of which none has a log are no runs, where others would have one."""
    other = proposal(project.root, project.profile)
    if other is None or project.root / other.experiment_root == project.experiment_root:
        return []
    return [f"no folder two levels below {project.root_as_given} holds a log, but {other}"]


class _Look:
    """A look at one run: what lies in its folder, then what others say of it."""

    def __init__(self, project: Project, run: Run) -> None:
        self.project, self.run = project, run
        self.sentinel_path = run.directory / SENTINEL
        self.sentinel = sentinel.read(run.directory)
        self.artefact = success_artefact(run, project.profile)
        self.has_artefact = self.artefact is not None and _size(self.artefact) > 0
        self.endings = [
            found
            for path, _ in own_streams(run, project.profile)
            if (found := log_ending.read(path, project.profile.success_line)) and found.size
        ]

    def known_jobs(self) -> list[str]:
        """SLURM job ids that the run's own files tell."""
        named = [str(self.sentinel.get("slurm_job_id") or "")] if self.sentinel else []
        return [job_id for job_id in [*named, *(end.job_id for end in self.endings)] if job_id]

    def state(self, records: SchedulerRecords, table: run_table.RunTable) -> RunState:
        recorded = [*self._own_states(), *of_snakemake(records.jobs.get(self.run.id, []))]
        recorded += of_accounting(records.slurm.get(self.run.id, []))
        recorded += of_table(table.runs.get(self.run.id))
        state, reasons = self._weigh(of_newest_attempt(recorded))
        refusal = records.refused.get(self.run.id) if state == UNKNOWN and not self.endings else None
        if refusal:
            state, reasons = "failed", [f"{self.project.relative(refusal[0])} says “{refusal[1]}”"]
        tried = attempts.of_run(self.run.id, records, self.endings)
        last = tried[-1] if tried else Tried(Attempt(1))
        for one in tried:
            one.attempt.logs = [self.project.relative(path) for path in one.attempt.logs]
        files = records.files.get(last.attempt.job_id) or records.files.get(base_id(last.attempt.job_id))
        return RunState(
            run=self.run,
            state=state,
            reasons=reasons,
            sentinel=self.sentinel or {},
            job_ids=records.job_ids(self.run.id),
            attempts=[one.attempt for one in tried],
            slurm_jobs=[last.slurm] if last.slurm else [],
            snakemake_jobs=last.snakemake,
            job_logs=[(refusal[0], "console")] if refusal else files.logs if files and last.attempt.job_id else [],
            snakemake_logs=_showing(last.snakemake, records),
            not_read=[*records.problems, *table.problems],
        )

    def _own_states(self) -> Iterable[RecordedState]:
        if self.sentinel is not None and not self._outlived():
            when = times.parse(str(self.sentinel.get("time") or "")) or times.modified(self.sentinel_path)
            yield RecordedState(FAILED, f"{SENTINEL} is there{_told_by(self.sentinel)}", None, when)
        for end in self.endings:
            if end.fatal and not self._went_on_elsewhere(end):
                reason = f"{end.path.name} ends in “{one_line(strip_prefix(end.fatal).body, QUOTED_CHARACTERS)}”"
                yield RecordedState(FAILED, reason, end.first, end.last, by_looks=True)
            elif end.fatal:
                yield RecordedState(
                    COMPLETE, f"another log than {end.path.name} tells of work done to its end", end.first, end.last
                )
            elif end.succeeded:
                yield RecordedState(COMPLETE, f"{end.path.name} says that it ended well", end.first, end.last)
            else:
                yield RecordedState(OPEN, "", end.first, end.last)

    def _went_on_elsewhere(self, end: Ending) -> bool:
        """An exception that was printed and survived: another stream tells of work done to its end.

        Only where the profile knows no artefact that would settle it: work may be done and saving it may still fail.
        """
        others = (other for other in self.endings if other.path != end.path)
        return self.artefact is None and any(other.finished and not other.fatal for other in others)

    def _outlived(self) -> bool:
        """A success artefact that is younger than the sentinel: the run was repeated, and succeeded."""
        if not self.has_artefact or self.artefact is None:
            return False
        return _modified_seconds(self.artefact) > _modified_seconds(self.sentinel_path) + NEWER

    def _weigh(self, recorded: list[RecordedState]) -> tuple[str, list[str]]:
        failures = [item.reason for item in recorded if item.state == FAILED]
        if self.has_artefact and any(item.state == COMPLETE and item.by_exit_status for item in recorded):
            # What looks like an uncaught exception at a log's end was survived: it did not change the exit status.
            failures = [item.reason for item in recorded if item.state == FAILED and not item.by_looks]
        running = [item for item in recorded if item.state == RUNNING]
        if failures:
            return "failed", failures
        if running:
            return "running", [running[-1].reason]
        successes = [item.reason for item in recorded if item.state == COMPLETE]
        if successes:
            if self.artefact is not None and self.artefact.is_file() and not self.has_artefact:
                return "suspect", [f"{self.artefact.name} is empty, although {successes[-1]}"]
            return "complete", [successes[-1]]
        return self._weigh_silence(recorded)

    def _weigh_silence(self, recorded: list[RecordedState]) -> tuple[str, list[str]]:
        """Nobody says how it ended."""
        started = bool(self.endings) or (self.run.directory / (self.project.profile.config_file or "-")).is_file()
        in_database = any(item.state == OPEN and item.in_database for item in recorded)
        if started and self._is_recent():
            return "running", ["its log was written to less than 10 minutes ago"]
        if self.artefact is None:
            return ("failed", ["the database says running, but nothing runs"]) if in_database else (
                UNKNOWN, [NO_END])  # fmt: skip
        if not self.has_artefact:
            if not started:
                return UNKNOWN, ["it has not started"]
            return "failed", [f"it was started, but {self.artefact.name} is not there, and nothing runs"]
        if in_database and self.project.profile.success_line and self.endings:
            return "failed", [
                "the database says running, but nothing runs, and its log does not say that it ended well"
            ]
        return "complete", [f"{self.artefact.name} is there"]

    def _is_recent(self) -> bool:
        last = [end.last for end in self.endings if end.last]
        if not last and self.artefact is not None:  # of a run of no known stage, it may be the time of a copy
            last = [moment for end in self.endings if (moment := times.modified(end.path))]
        return bool(last) and abs(datetime.now() - max(last)) < RECENT


def _showing(jobs: list[SnakemakeJob], records: SchedulerRecords) -> list[str]:
    """The Snakemake logs that tell of these jobs: a log file, and a console capture of the same call."""
    known = {(job.rule, job.jobid, job.time) for job in jobs}
    return [log.path for log in records.logs if any((job.rule, job.jobid, job.time) in known for job in log.jobs)]


def _told_by(content: dict[str, Any]) -> str:
    told = [f"{key} {content[key]}" for key in ("rule", "slurm_job_id", "exit_code", "source") if content.get(key)]
    reason = f": {content['reason']}" if content.get("reason") else ""
    return f" ({', '.join(told)}{reason})" if told or reason else ""


def _action(state: RunState) -> str:
    if not can_be_named(state.run.id):
        brackets = set(state.run.id) & set("{}<>")
        why = "for the brackets in its name" if brackets else "for a character that cannot be shown"
        return (
            f"not diagnosed, {state.state}, because Snakemake cannot name its files {why}: rename the folder, or call "
            "diagnose_now.py, which does without Snakemake"
        )
    if state.state in DIAGNOSED:
        return f"diagnosed, {state.state}"
    return f"not diagnosed, {state.state}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _modified_seconds(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
