"""What each keeper of records says of a run, in one form: a state with the attempt's start and end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .. import times
from ..facts import SlurmJob, SnakemakeJob
from . import snakemake_log
from .run_table import RecordedRun
from .sacct import GOOD, NEVER_STARTS, PENDING
from .sacct import RUNNING as RUNNING_STATES

FAILED, COMPLETE, RUNNING, OPEN = "failed", "complete", "running", "open"
SAME_MOMENT = timedelta(seconds=1)  # sacct and Snakemake give whole seconds, logs milliseconds


@dataclass(frozen=True)
class RecordedState:
    """state: FAILED, COMPLETE, RUNNING or OPEN: it began, and nothing is known of its end.

    in_database: by a database, which claims that it runs. by_exit_status: by somebody who saw how the program ended.
    by_looks: from the last lines of a log only.
    """

    state: str
    reason: str
    start: datetime | None = None
    end: datetime | None = None
    in_database: bool = False
    by_exit_status: bool = False
    by_looks: bool = False


def of_snakemake(jobs: list[SnakemakeJob]) -> list[RecordedState]:
    """The last job of each rule that made something in the run."""
    last = {job.rule: job for job in jobs}
    states = []
    for job in last.values():
        start, end = times.parse(job.time), times.parse(job.ended)
        of_slurm = f", SLURM job {job.external_jobid}" if job.external_jobid else ""
        if job.state == snakemake_log.FAILED:
            message = f" ({job.message[:120]})" if job.message else ""
            reason = f"Snakemake says that rule {job.rule} failed{of_slurm}{message}"
            states.append(RecordedState(FAILED, reason, start, end))
        elif job.state == snakemake_log.FINISHED:
            reason = f"Snakemake says that rule {job.rule} finished{of_slurm}"
            states.append(RecordedState(COMPLETE, reason, start, end, by_exit_status=True))
        else:
            states.append(RecordedState(OPEN, "", start))
    return states


def of_accounting(records: list[SlurmJob]) -> list[RecordedState]:
    """The last record of the run in sacct."""
    if not records:
        return []
    job = records[-1]
    start = times.parse(job.start) or times.parse(job.submit)
    end = times.parse(job.end)
    when = f" at {job.end}" if job.end else ""
    if job.state in PENDING:
        if NEVER_STARTS.search(job.reason):
            return [RecordedState(FAILED, f"SLURM job {job.id} waits, and cannot start: {job.reason}", start)]
        return [RecordedState(RUNNING, f"SLURM job {job.id} is {job.state}", start)]
    if job.state in RUNNING_STATES:
        return [RecordedState(RUNNING, f"SLURM job {job.id} is {job.state}", start)]
    if job.state in GOOD:
        return [RecordedState(COMPLETE, f"SLURM job {job.id} is COMPLETED{when}", start, end, by_exit_status=True)]
    again = ", and was not started again" if job.state == "REQUEUED" else ""
    return [RecordedState(FAILED, f"SLURM job {job.id} ended as {job.state_text}{when}{again}", start, end)]


def of_table(row: RecordedRun | None) -> list[RecordedState]:
    """The row of the run in the project's database."""
    if row is None:
        return []
    if row.status == "failed":
        return [RecordedState(FAILED, f"{row.database} says failed", row.started, row.ended)]
    if row.status == "complete":
        return [RecordedState(COMPLETE, f"{row.database} says complete", row.started, row.ended)]
    return [RecordedState(OPEN, "", row.started, in_database=True)]


def of_newest_attempt(states: list[RecordedState]) -> list[RecordedState]:
    """The states that count: without those of attempts that ended before the newest one began."""
    newest = max((one.start for one in states if one.start), default=None)
    if newest is None:
        return states
    current = newest - SAME_MOMENT
    return [one for one in states if one.state == RUNNING or (one.end or one.start or newest) >= current]
