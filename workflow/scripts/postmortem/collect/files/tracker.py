"""What the trackers' databases hold about the run: project.db and MLflow's SQLite, never waited for, never changed."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from ...databases import NotADatabase, lock_holder, opened
from ...discover.discovery import RunState
from ...facts import PARTIAL, READ, UNREADABLE, RunFacts, Source, TrackedAttempt, TrackedRun
from ...paths import relative, unreadable
from ...project.project import Project
from ...redaction import redact
from .series import Series

MOST_ROWS = 2000  # of a run's params and metrics
MOST_HISTORY = 10  # earlier attempts


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.trackers, and facts.curves from MLflow where no file has the curve."""
    for database in project.profile.databases:
        path = database_path(database.path, database.environment, project.root)
        if path is None:
            continue
        tracked, curves = read_database(path, project.root, database.kind, facts.run)
        facts.trackers.append(tracked)
        have = {curve.metric for curve in facts.curves}
        facts.curves += [item.finish() for name, item in curves.items() if name not in have]
        if tracked.source.state != READ:
            facts.not_checked.append(f"{tracked.source.path}: {tracked.source.reason}")


def database_path(named: str, environment: str, root: Path) -> Path | None:
    """The database's file: the environment variable wins; sqlite:///relative, sqlite:////absolute or a plain path."""
    address = (os.environ.get(environment) if environment else "") or named
    if address.startswith("sqlite:///"):
        address = address.removeprefix("sqlite:///")
    elif "://" in address:
        return None  # a tracking server: nothing is asked over the network
    return root / address


def read_database(path: Path, root: Path, kind: str, run: str) -> tuple[TrackedRun, dict[str, Series]]:
    """What one database holds about a run. Locked, corrupt, absent and forbidden are told apart in its source."""
    tracked = TrackedRun(Source(relative(path, root)), kind)
    curves: dict[str, Series] = {}
    holder = lock_holder(path)
    try:
        with opened(path) as connection:
            connection.row_factory = sqlite3.Row
            _READERS[kind](connection, run, tracked, curves)
    except OSError as error:
        tracked.source = unreadable(path, root, error)
    except (NotADatabase, sqlite3.DatabaseError, KeyError, UnicodeDecodeError) as error:
        tracked.source.state = UNREADABLE
        corrupt = "malformed" in str(error) or (isinstance(error, NotADatabase) and "empty" not in str(error))
        tracked.source.reason = f"{'corrupt: ' if corrupt else ''}{error}"
    if holder is not None:
        by = f"process {holder}" if holder else "a process of another machine"
        state = "it was read as before that transaction" if tracked.source.state == READ else tracked.source.reason
        tracked.source.reason = f"locked for writing by {by}; {state}"
        tracked.source.state = PARTIAL if tracked.source.state == READ else tracked.source.state
    return tracked, curves


def _project_db(connection: sqlite3.Connection, run: str, tracked: TrackedRun, curves: dict[str, Series]) -> None:
    columns = [row["name"] for row in connection.execute("PRAGMA table_info(runs)")]
    tracked.schema = (
        f"user_version {connection.execute('PRAGMA user_version').fetchone()[0]}; runs({', '.join(columns)})"
    )
    if not columns:
        tracked.source.state, tracked.source.reason = PARTIAL, "it has no table runs"
        return
    row = connection.execute("SELECT * FROM runs WHERE run_id = ?", (run,)).fetchone()
    if row is None:
        return
    values = {name: row[name] for name in columns}
    tracked.status = str(values.get("status") or "")
    tracked.started_at, tracked.ended_at = str(values.get("started_at") or ""), str(values.get("completed_at") or "")
    tracked.error = redact(str(values.get("error") or values.get("error_msg") or ""))[:2000]
    wanted = ("dataset", "model_size", "stage", "use_kd", "teacher_run", "mlflow_run_id")
    tracked.params = {name: str(values[name]) for name in wanted if values.get(name) is not None}
    for config in [values.get("config_json")]:
        tracked.params |= _config(str(config)) if config else {}
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'metrics'").fetchone():
        query = "SELECT model, scenario, metric_name, value FROM metrics WHERE run_id = ? LIMIT ?"
        for item in connection.execute(query, (run, MOST_ROWS)):
            tracked.metrics[f"{item[0]}.{item[1]}.{item[2]}"] = item[3]


def _config(text: str) -> dict[str, str]:
    import json

    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {f"config.{k}": _kept(str(k), v) for k, v in list(values.items())[:200]} if isinstance(values, dict) else {}


def _mlflow(connection: sqlite3.Connection, run: str, tracked: TrackedRun, curves: dict[str, Series]) -> None:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" in tables:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        tracked.schema = f"alembic {row[0]}" if row else "alembic without a version"
    if "runs" not in tables:
        tracked.source.state, tracked.source.reason = PARTIAL, "it has no table runs"
        return
    rows = connection.execute(
        "SELECT run_uuid, status, start_time, end_time FROM runs WHERE name = ? "
        "OR run_uuid IN (SELECT run_uuid FROM tags WHERE key = 'mlflow.runName' AND value = ?) "
        "ORDER BY start_time DESC LIMIT ?",
        (run, run, MOST_HISTORY + 1),
    ).fetchall()
    if not rows:
        return
    newest, *earlier = rows
    tracked.status = str(newest["status"] or "")
    tracked.started_at, tracked.ended_at = _time(newest["start_time"]), _time(newest["end_time"])
    tracked.history = [
        {"status": str(row["status"]), "started_at": _time(row["start_time"]), "ended_at": _time(row["end_time"])}
        for row in earlier
    ]
    identity = newest["run_uuid"]
    tracked.params |= _params(connection, identity)
    if good := next((row for row in earlier if row["status"] == "FINISHED"), None):
        params = _params(connection, good["run_uuid"])
        tracked.good = TrackedAttempt("FINISHED", _time(good["end_time"]), params)
    for key, value in connection.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (identity,)):
        if key in ("error_msg", "error", "exception"):
            tracked.error = redact(str(value))[:2000]
        elif key == "status" and value:
            tracked.params["tag.status"] = str(value)
    query = "SELECT key, value, step, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, step, timestamp LIMIT 200000"
    for key, value, step, is_nan in connection.execute(query, (identity,)):
        if len(curves) < 60 or key in curves:
            curves.setdefault(key, Series(tracked.source, str(key))).add(
                float(step), float("nan") if is_nan else float(value)
            )
            tracked.metrics[str(key)] = "nan" if is_nan else value


def _params(connection: sqlite3.Connection, identity: str) -> dict[str, str]:
    query = "SELECT key, value FROM params WHERE run_uuid = ? LIMIT ?"
    return {str(key): _kept(str(key), value) for key, value in connection.execute(query, (identity, MOST_ROWS))}


def _kept(key: str, value: Any) -> str:
    """A bounded value; what is a secret by its key's name is redacted."""
    return redact(f"{key}: {str(value)[:200]}").removeprefix(f"{key}: ")


def _time(milliseconds: Any) -> str:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


_READERS = {"project_db": _project_db, "mlflow": _mlflow}
