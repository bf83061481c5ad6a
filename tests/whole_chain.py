"""A made project through discover → collect → diagnose, as the workflow does it, in this process."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import replay

from postmortem.collect import collector
from postmortem.collect.logs.scan import signal_patterns
from postmortem.discover import discovery
from postmortem.facts import RunFacts
from postmortem.jobs.screening import screen
from postmortem.project import project

SACCT = "JobID|JobName|State|ExitCode|Submit|Start|End|Elapsed|ElapsedRaw|Timelimit"
_RUNS = """CREATE TABLE IF NOT EXISTS runs (run_id TEXT PRIMARY KEY, dataset TEXT, model_size TEXT, stage TEXT,
    use_kd INTEGER, status TEXT, teacher_run TEXT, started_at TEXT, completed_at TEXT, mlflow_run_id TEXT,
    config_json TEXT)"""
_MLFLOW = """
CREATE TABLE runs (run_uuid TEXT, name TEXT, status TEXT, start_time INTEGER, end_time INTEGER);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE metrics (key TEXT, value REAL, timestamp INTEGER, run_uuid TEXT, step INTEGER, is_nan INTEGER);
"""


def collected(root: Path, run: str, sacct: str = "off") -> RunFacts:
    """The facts of a run as discovery found it."""
    watched = project.from_config({"sacct": sacct}, root)
    found = found_in(watched)
    state = found.state_of(run)
    assert state is not None, f"no run {run}"
    return collector.collect_run(watched, state, found.all_runs, signal_patterns)


def found_in(watched: project.Project) -> discovery.Discovery:
    """What discovery and screening find."""
    found = discovery.discover(watched)
    screen(watched, found)
    return found


def diagnosed(root: Path, run: str, sacct: str = "off") -> dict[str, Any]:
    """The diagnosis of a run."""
    facts = collected(root, run, sacct)
    broken = [item for item in facts.not_checked if "broke" in item]
    assert not broken, broken
    return replay.diagnosed(facts)


def accounting(root: Path, *rows: tuple[str, str, str, str, str, str], limit: str = "06:00:00") -> str:
    """A saved sacct table. A row: job id, job's name, state, exit code, start, end. Returns its path."""
    lines = [SACCT]
    for job, name, state, code, start, end in rows:
        seconds = int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        lines.append("|".join([job, name, state, code, start, start, end, clock, str(seconds), limit]))
    path = root / "sacct.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def record(root: Path, run: str, status: str, started: str, ended: str | None, config: dict[str, Any]) -> None:
    """A row of data/project.db."""
    path = root / "data/project.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset, _, name = run.partition("/")
    with sqlite3.connect(path) as connection:
        connection.execute(_RUNS)
        row = (
            run,
            dataset,
            name.split("_")[0],
            name.split("_")[1],
            0,
            status,
            "",
            started,
            ended,
            "",
            json.dumps(config),
        )
        connection.execute(f"INSERT OR REPLACE INTO runs VALUES ({','.join('?' * 11)})", row)
    connection.close()


def mlflow(path: Path, run: str, *attempts: tuple[str, int, int | None, dict[str, str]]) -> None:
    """An MLflow database. An attempt: status, start and end in seconds since 1970, params."""
    with sqlite3.connect(path) as connection:
        connection.executescript(_MLFLOW)
        for number, (status, start, end, params) in enumerate(attempts):
            stop = end * 1000 if end else None
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?)", (str(number), run, status, start * 1000, stop)
            )
            connection.executemany(
                "INSERT INTO params VALUES (?, ?, ?)", [(k, v, str(number)) for k, v in params.items()]
            )
    connection.close()


def failed(directory: Path, **sentinel: Any) -> Path:
    """Mark a run as failed."""
    (directory / ".failed").write_text(json.dumps(sentinel) if sentinel else "")
    return directory
