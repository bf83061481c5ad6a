"""The attempts of a run, oldest first. The last one counts; the others are history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .. import times
from ..facts import Attempt, SlurmJob, SnakemakeJob
from .log_ending import Ending
from .sacct import base_id
from .scheduler_records import SchedulerRecords

ATTEMPTS_KEPT = 50  # of one run; a run that was tried more often is shown by its newest ones
BY_HAND = timedelta(seconds=2)  # a log that begins later than that after the last job's end was written without a job


@dataclass
class Tried:
    """One attempt with what the schedulers say of it."""

    attempt: Attempt
    slurm: SlurmJob | None = None
    snakemake: list[SnakemakeJob] = field(default_factory=list)

    @property
    def begin(self) -> datetime:
        return times.parse(self.attempt.start) or datetime.min


def of_run(run_id: str, records: SchedulerRecords, endings: list[Ending]) -> list[Tried]:
    """One per SLURM record, joined with the Snakemake job of the same id; one per other Snakemake job."""
    found = []
    for record in records.slurm.get(run_id, []):
        start = record.start or record.submit
        found.append(Tried(Attempt(0, record.id, record.state, start, record.end, _logs(record.id, records)), record))
    last_of_id = {base_id(tried.attempt.job_id): tried for tried in found}
    for job in records.jobs.get(run_id, []):
        if job.external_jobid and (tried := last_of_id.get(base_id(job.external_jobid))):
            tried.snakemake.append(job)
            continue
        logs = _logs(job.external_jobid, records) if job.external_jobid else []
        attempt = Attempt(0, job.external_jobid, job.state, job.time, job.ended, logs)
        found.append(Tried(attempt, snakemake=[job]))
    for tried in found:
        tried.attempt.logs += [job.log for job in tried.snakemake if job.log not in tried.attempt.logs]
    found.sort(key=lambda tried: tried.begin)
    _add_by_hand(found, endings)
    for number, tried in enumerate(found, start=1):
        tried.attempt.number = number
    return found[-ATTEMPTS_KEPT:]


def _add_by_hand(found: list[Tried], endings: list[Ending]) -> None:
    """The run's own log may be of an attempt that no scheduler started: it begins after all that they know."""
    first = min((end.first for end in endings if end.first), default=None)
    last = max((end.last for end in endings if end.last), default=None)
    known = [moment for tried in found for moment in (tried.begin, times.parse(tried.attempt.end)) if moment]
    if not endings or (found and (first is None or first <= max(known) + BY_HAND)):
        return
    if found and not found[-1].attempt.end:
        return  # the last job has not ended, as far as known: the log is its own
    found.append(Tried(Attempt(0, start=_iso(first), end=_iso(last))))


def _logs(job_id: str, records: SchedulerRecords) -> list[str]:
    files = records.files.get(job_id) or records.files.get(base_id(job_id))
    return [str(path) for path, _ in files.logs] if files else []


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
