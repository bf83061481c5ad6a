"""The table of runs in the project's database: what the pipeline itself says became of each run.

For discovery only, one query for all runs; collect's reader of trackers reads the rest for the runs that are diagnosed.
The database is copied first: so it is never written to or waited for, though a training may hold it open or locked.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from .. import times
from ..databases import NotADatabase, opened
from ..project.project import Project

MOST_RUNS = 1_000_000
COPIED_BYTES = 64 * 1024 * 1024  # a larger database would cost more than its statuses are worth at parse time


@dataclass(frozen=True)
class RecordedRun:
    """A row. status: "running", "complete" or "failed", as the pipeline wrote it; a killed process leaves "running"."""

    status: str
    started: datetime | None
    ended: datetime | None
    database: str


@dataclass
class RunTable:
    runs: dict[str, RecordedRun] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read(project: Project) -> RunTable:
    """Read the statuses of all runs from the profile's project databases. One that is not there is no problem."""
    table = RunTable()
    for database in project.profile.databases:
        path = project.absolute(database.path)
        if database.kind != "project_db" or not path.is_file():
            continue
        name = project.relative(path)
        try:
            if path.stat().st_size > COPIED_BYTES:
                raise OSError(0, f"it is larger than {COPIED_BYTES >> 20} MiB")
            for run_id, status, started, ended in _rows(path):
                table.runs[str(run_id)] = RecordedRun(str(status or ""), _time(started), _time(ended), name)
        except (sqlite3.Error, NotADatabase, OSError) as error:
            table.problems.append(f"{name}: the statuses of the runs cannot be read ({error})")
    return table


def _rows(path: Path) -> list[tuple[object, ...]]:
    with opened(path) as connection:
        query = "SELECT run_id, status, started_at, completed_at FROM runs LIMIT ?"
        return connection.execute(query, (MOST_RUNS,)).fetchall()


def _time(value: object) -> datetime | None:
    return times.parse(value) if isinstance(value, str) else None
