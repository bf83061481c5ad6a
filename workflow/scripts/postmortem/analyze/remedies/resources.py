"""More time and more memory: how much, from what was asked for, what was used, and how long it ran."""

from __future__ import annotations

import math
import re
from datetime import datetime

from ... import times
from ...facts import Log, RunFacts

FACTOR = 2  # of time or memory, where nothing tells how much is needed
ROUND_MINUTES = 30  # requests of time are multiples of this
_SLURM_TIME = re.compile(r"(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?$")
_CANCELLED_AT = re.compile(r"CANCELLED AT (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d) DUE TO TIME LIMIT")


def longer_minutes(facts: RunFacts) -> int:
    """The minutes of wall time to ask for: twice the limit, else twice what passed; 0 if nothing tells."""
    minutes = _limit_minutes(facts) or _elapsed_minutes(facts)
    return math.ceil(minutes * FACTOR / ROUND_MINUTES) * ROUND_MINUTES


def sbatch_time(minutes: int) -> str:
    """Minutes as sbatch and sacct write a time: days-hours:minutes:seconds."""
    days, rest = divmod(minutes, 24 * 60)
    return (f"{days}-" if days else "") + f"{rest // 60:02d}:{rest % 60:02d}:00"


def more_megabytes(facts: RunFacts) -> int:
    """The memory to ask for, of a job that used up what it had: twice that; 0 if nothing tells what it had."""
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    asked = megabytes(job.requested_memory) if job else None
    return math.ceil(asked * FACTOR) if asked else 0


def megabytes(text: str) -> float | None:
    """MiB of sacct's "125G", "1400M", "1410952K" or "4000Mn"; None if it is no amount of memory."""
    match = re.fullmatch(r"([\d.]+)([KMGT]?)[cn]?", text or "")
    return float(match[1]) * {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024 * 1024}[match[2]] if match else None


def _limit_minutes(facts: RunFacts) -> float:
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    found = _SLURM_TIME.fullmatch(job.time_limit) if job else None
    if not found:
        return 0.0
    days, hours, minutes = (int(part or 0) for part in found.groups()[:3])
    return days * 24 * 60 + hours * 60 + minutes


def _elapsed_minutes(facts: RunFacts) -> float:
    """From the log's first time stamp to the moment at which SLURM says that it ended the job."""
    first = min((moment for log in facts.logs if (moment := times.parse(log.first_time))), default=None)
    last = max((moment for log in facts.logs if (moment := _end(log))), default=None)
    return (last - first).total_seconds() / 60 if first and last and last > first else 0.0


def _end(log: Log) -> datetime | None:
    for line in reversed(log.lines):
        if found := _CANCELLED_AT.search(line.text):
            return times.parse(found[1])
    return times.parse(log.last_time)
