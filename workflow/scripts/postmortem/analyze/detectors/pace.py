"""A run that met its time limit: epochs per hour → the hours that it needs, or how long it had hung."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from ...facts import RunFacts, SlurmJob
from ..findings import FATAL, Evidence, Finding, Fix
from ..remedies.run_again import rerun
from ..remedies.submission import Request, submit_again
from .quoting import log_lines, quote_config
from .stopping import progress_of

# Silence that is longer than both is no slow epoch: the program hung.
HUNG_SECONDS = 30 * 60
HUNG_SHARE = 0.5
# Added to the time that is computed, for validation, saving and slower nodes.
RESERVE = 1.2
TIME_LIMIT = re.compile(r"DUE TO TIME LIMIT|TIME LIMIT REACHED|time limit exceeded")


@dataclass
class Pace:
    """What the progress of a run that met its limit shows: in words, and the hours it would need in all."""

    text: str
    hours_needed: float | None = None
    hung: bool = False


def timed_out(facts: RunFacts) -> SlurmJob | None:
    """The last job, if SLURM says that it met its time limit."""
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    return job if job and job.state == "TIMEOUT" else None


def pace_of(facts: RunFacts) -> Pace | None:
    """Epochs per hour and what follows from them; None where nothing tells."""
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    streams = [log for log in facts.logs if log.role in ("stderr", "stdout")]
    first, last = (
        min((log.first_time for log in streams if log.first_time), default=""),
        max((log.last_time for log in streams if log.last_time), default=""),
    )
    elapsed = float(job.elapsed_seconds) if job and job.elapsed_seconds else _seconds(first, last)
    if not elapsed or elapsed <= 0:
        return None
    written = max((log.modified for log in streams if log.modified and log.size), default="")
    silent = _seconds(written, job.end) if job else None
    if silent is not None and silent >= HUNG_SECONDS and silent >= HUNG_SHARE * elapsed:
        return Pace(
            f"Nothing was written for the last {_hours(silent)} of {_hours(elapsed)}: it hung, and more time "
            "will not help",
            None,
            True,
        )
    progress = progress_of(facts)
    if progress is None or progress.done <= 0 or progress.done >= progress.planned:
        return None
    rate = progress.done / (elapsed / 3600)
    needed = progress.planned / rate
    return Pace(
        f"{progress.done} of {progress.planned} epochs were done in {_hours(elapsed)} ({rate:.3g} epochs an "
        f"hour): all of them need about {_hours(needed * 3600)}",
        needed,
    )


def pace_fix(facts: RunFacts, pace: Pace) -> Fix:
    """More time, or fewer epochs, with the numbers."""
    if pace.hung or pace.hours_needed is None:
        watched = f"PYTHONFAULTHANDLER=1 timeout --signal=ABRT {HUNG_SECONDS // 60}m {rerun(facts)}"
        return Fix(
            f"Find where it hung: run it again so that it is aborted after {HUNG_SECONDS // 60} minutes, when Python "
            "prints what every thread was doing (py-spy dump shows the same of a process that hangs now).",
            watched if rerun(facts) else "export PYTHONFAULTHANDLER=1  # then end the hanging job with scancel -s ABRT",
        )
    minutes = round(pace.hours_needed * 60 * RESERVE)
    progress = progress_of(facts)
    return Fix(
        f"Ask for {minutes} minutes (what is computed and a fifth), or train fewer epochs, or resume from the last "
        "checkpoint.",
        submit_again(facts, request=Request(minutes)) or None,
        {"max_epochs": max(1, progress.done)} if progress else None,
    )


def detect(facts: RunFacts) -> list[Finding]:
    """slurm.timeout where the accounting says so and no log line does: the catalogue speaks for those."""
    job = timed_out(facts)
    if (
        job is None
        or any(log_lines(facts, TIME_LIMIT))
        or any("TIME LIMIT" in line.text for log in facts.logs for line in log.lines)
    ):
        return []
    finding = Finding("slurm.timeout", "The job met its time limit", FATAL, 0.9, "detector: pace")
    finding.evidence = [
        Evidence(job.source, job.raw or f"{job.id} {job.state_text or job.state}", job.line, "slurm"),
        *quote_config(facts, "max_epochs"),
    ]
    pace = pace_of(facts)
    finding.root_cause = (
        f"Job {job.id} ran {_hours(float(job.elapsed_seconds or 0))} and met its "
        f"limit{f' of {job.time_limit}' if job.time_limit else ''}. {pace.text if pace else ''}"
    ).strip()
    finding.fix = (
        [pace_fix(facts, pace)] if pace else [Fix("Ask for more wall time, or train fewer epochs.", None, None, None)]
    )
    finding.would_refute = "another final state in sacct"
    finding.explains = ["run.interrupted", "host.killed", "slurm.cancelled"]
    return [finding]


def _seconds(first: str, last: str) -> float | None:
    try:
        a, b = datetime.fromisoformat(first), datetime.fromisoformat(last)
    except ValueError:
        return None
    if (a.tzinfo is None) != (b.tzinfo is None):
        a, b = a.replace(tzinfo=None), b.replace(tzinfo=None)
    return (b - a).total_seconds()


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return (
        f"{minutes // 60} h {minutes % 60} min"
        if minutes >= 60
        else f"{minutes} min"
        if minutes
        else f"{seconds:.0f} s"
    )
