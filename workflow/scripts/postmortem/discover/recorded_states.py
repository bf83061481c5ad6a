"""What each record keeper says of a run, in one form: a verdict with the attempt's start and end."""

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
class Word:
    """One verdict. OPEN: it began, and nothing is known of its end.

    recorded: by a database, which claims that it runs. by_exit_status: by somebody who saw how the program ended.
    by_looks: from the last lines of a log only.
    """

    verdict: str
    reason: str
    start: datetime | None = None
    end: datetime | None = None
    recorded: bool = False
    by_exit_status: bool = False
    by_looks: bool = False


def of_snakemake(jobs: list[SnakemakeJob]) -> list[Word]:
    """The last job of each rule that made something in the run."""
    last = {job.rule: job for job in jobs}
    words = []
    for job in last.values():
        start, end = times.parse(job.time), times.parse(job.ended)
        of_slurm = f", SLURM job {job.external_jobid}" if job.external_jobid else ""
        if job.state == snakemake_log.FAILED:
            said = f" ({job.message[:120]})" if job.message else ""
            words.append(Word(FAILED, f"Snakemake says that rule {job.rule} failed{of_slurm}{said}", start, end))
        elif job.state == snakemake_log.FINISHED:
            said = f"Snakemake says that rule {job.rule} finished{of_slurm}"
            words.append(Word(COMPLETE, said, start, end, by_exit_status=True))
        else:
            words.append(Word(OPEN, "", start))
    return words


def of_accounting(records: list[SlurmJob]) -> list[Word]:
    """The last record of the run in sacct."""
    if not records:
        return []
    job = records[-1]
    start = times.parse(job.start) or times.parse(job.submit)
    end = times.parse(job.end)
    when = f" at {job.end}" if job.end else ""
    if job.state in PENDING:
        if NEVER_STARTS.search(job.reason):
            return [Word(FAILED, f"SLURM job {job.id} waits, and cannot start: {job.reason}", start)]
        return [Word(RUNNING, f"SLURM job {job.id} is {job.state}", start)]
    if job.state in RUNNING_STATES:
        return [Word(RUNNING, f"SLURM job {job.id} is {job.state}", start)]
    if job.state in GOOD:
        return [Word(COMPLETE, f"SLURM job {job.id} is COMPLETED{when}", start, end, by_exit_status=True)]
    again = ", and was not started again" if job.state == "REQUEUED" else ""
    return [Word(FAILED, f"SLURM job {job.id} ended as {job.state_text}{when}{again}", start, end)]


def of_table(row: RecordedRun | None) -> list[Word]:
    """The row of the run in the project's database."""
    if row is None:
        return []
    if row.status == "failed":
        return [Word(FAILED, f"{row.database} says failed", row.started, row.ended)]
    if row.status == "complete":
        return [Word(COMPLETE, f"{row.database} says complete", row.started, row.ended)]
    return [Word(OPEN, "", row.started, recorded=True)]


def of_newest_attempt(words: list[Word]) -> list[Word]:
    """The words that count: without those of attempts that ended before the newest one began."""
    newest = max((word.start for word in words if word.start), default=None)
    if newest is None:
        return words
    current = newest - SAME_MOMENT
    return [word for word in words if word.verdict == RUNNING or (word.end or word.start or newest) >= current]
