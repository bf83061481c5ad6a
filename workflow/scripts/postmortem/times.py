"""Points in time as logs, sacct and databases write them, made comparable.

All are taken as local time of this machine: logs and sacct write the cluster's local time without a zone; a time with
a zone (project.db) is converted. A time that has yet to come is none: a damaged digit of a year, or a clock that was
wrong, would else make everything that really happened older than it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

_NEAR_THE_END = 4096  # characters
_CLOCKS_DIFFER = timedelta(days=1)  # between the nodes' clocks, whatever their zones
_IN_LOGS = re.compile(
    r"^.{0,60}?(?:(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)"
    r"|\[\w{3} (\w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\])",
    re.MULTILINE,
)


def parse(text: str) -> datetime | None:
    """ISO 8601 with "T" or a blank, with or without fraction and zone, as local time; None for anything else."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(",", "."))
        return _past(moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment)
    except (ValueError, OverflowError):  # the second: a zone of the years 1 or 9999
        return None


def first_in(text: str) -> datetime | None:
    """The first time stamp at the beginning of a line of a log."""
    match = _IN_LOGS.search(text)
    return _of_match(match) if match else None


def last_in(text: str) -> datetime | None:
    """The last time stamp at the beginning of a line of a log."""
    for begin in (max(0, len(text) - _NEAR_THE_END), 0):  # mostly it stands in the last lines
        found = list(_IN_LOGS.finditer(text, begin))
        if found:
            return _of_match(found[-1])
    return None


def modified(path: Path) -> datetime | None:
    """When the file was changed last: a last resort, since copies and checkouts set it anew."""
    try:
        return _past(datetime.fromtimestamp(path.stat().st_mtime))
    except (OSError, ValueError, OverflowError):
        return None


def _of_match(match: re.Match[str]) -> datetime | None:
    if match[1]:
        return parse(match[1])
    try:
        return _past(datetime.strptime(match[2], "%b %d %H:%M:%S %Y"))
    except ValueError:
        return None


def _past(moment: datetime) -> datetime | None:
    return moment if moment <= datetime.now() + _CLOCKS_DIFFER else None
