"""Trackers' databases: read beside a writer, never waited for, never changed."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from made_runs import facts_of, make_run, project, run_state
from timing import ratio

from postmortem.analyze.detectors import trackers as detector
from postmortem.analyze.findings import HINT, SYMPTOM
from postmortem.collect.files import tracker as reader
from postmortem.collect.files.tracker import database_path, read_database
from postmortem.facts import ABSENT, PARTIAL, READ, UNREADABLE, Artefact, Source, TrackedRun

RUN = "set_01/teacher_autoencoder"
_PROJECT = """
CREATE TABLE runs (run_id TEXT PRIMARY KEY, dataset TEXT, model_size TEXT, stage TEXT, use_kd INTEGER, status TEXT,
    teacher_run TEXT, started_at TEXT, completed_at TEXT, mlflow_run_id TEXT, config_json TEXT);
CREATE TABLE metrics (run_id TEXT, model TEXT, scenario TEXT, metric_name TEXT, value REAL);
"""
_MLFLOW = """
CREATE TABLE alembic_version (version_num TEXT);
CREATE TABLE runs (run_uuid TEXT, name TEXT, status TEXT, start_time INTEGER, end_time INTEGER);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE metrics (key TEXT, value REAL, timestamp INTEGER, run_uuid TEXT, step INTEGER, is_nan INTEGER);
INSERT INTO alembic_version VALUES ('abc123');
INSERT INTO runs VALUES ('one', '{run}', 'FAILED', 1700000000000, 1700000100000),
    ('two', '{run}', 'RUNNING', 1800000000000, NULL), ('three', 'set_02/other', 'FINISHED', 1900000000000, NULL);
INSERT INTO tags VALUES ('error_msg', 'CUDA out of memory', 'two'), ('error_msg', 'another', 'one');
INSERT INTO params VALUES ('lr', '0.002', 'two'), ('lr', '9', 'three');
INSERT INTO metrics VALUES ('val_loss', 0.5, 1, 'two', 0, 0), ('val_loss', 0, 2, 'two', 1, 1),
    ('val_loss', 7, 2, 'one', 1, 0);
"""


def _project_db(path: Path, status: str = "running", wal: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
        connection.executescript(_PROJECT)
        row = (
            RUN,
            "set_01",
            "teacher",
            "autoencoder",
            0,
            status,
            None,
            "2026-01-01T10:00:00",
            None,
            "m1",
            '{"lr": 0.002}',
        )
        connection.execute(f"INSERT INTO runs VALUES ({','.join('?' * 11)})", row)
        connection.execute("INSERT INTO metrics VALUES (?, 'gat', 'val', 'f1', 0.9)", (RUN,))
    connection.close()
    return path


def test_what_the_project_database_says(tmp_path: Path) -> None:
    tracked, _ = read_database(_project_db(tmp_path / "data/project.db"), tmp_path, "project_db", RUN)
    assert (tracked.source.path, tracked.source.state, tracked.status) == ("data/project.db", READ, "running")
    assert (tracked.started_at, tracked.ended_at) == ("2026-01-01T10:00:00", "")
    assert tracked.params["config.lr"] == "0.002" and tracked.metrics == {"gat.val.f1": 0.9}
    other, _ = read_database(tmp_path / "data/project.db", tmp_path, "project_db", "set_02/other")
    assert (other.source.state, other.status) == (READ, "")


def test_what_mlflow_says(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(_MLFLOW.format(run=RUN))
    tracked, curves = read_database(path, tmp_path, "mlflow", RUN)
    assert (tracked.status, tracked.error, tracked.params) == ("RUNNING", "CUDA out of memory", {"lr": "0.002"})
    assert tracked.schema == "alembic abc123"
    assert [attempt["status"] for attempt in tracked.history] == ["FAILED"]
    curve = curves["val_loss"].finish()
    assert curve.points == [[0.0, 0.5], [1.0, "nan"]] and curve.first_nonfinite_step == 1


_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
if sys.argv[3] == "wal":
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("UPDATE runs SET status = 'written'")  # stands in the log alone
connection.execute(sys.argv[2])
connection.execute("UPDATE runs SET status = 'not committed'")
numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<20000) SELECT x FROM c"
connection.execute(f"CREATE TABLE filler AS {numbers}")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def _held(path: Path, begin: str, wal: bool) -> Iterator[int]:
    """Another process in the middle of a write transaction; its process id."""
    command = [sys.executable, "-c", _HOLD, str(path), begin, "wal" if wal else "rollback"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        try:
            yield process.pid
        finally:
            process.kill()


def _state(folder: Path) -> dict[str, str]:
    # -shm is the writers' shared memory: its content is theirs, that it is there or not is what counts
    return {
        p.name: "" if p.name.endswith("-shm") else hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()
    }


@pytest.mark.parametrize("wal", [False, True])
@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_database_that_another_process_writes(tmp_path: Path, wal: bool, begin: str) -> None:
    path, free = (_project_db(tmp_path / name / "project.db", wal=wal) for name in ("data", "free"))
    with _held(path, begin, wal) as pid:
        before = _state(path.parent)
        tracked, _ = read_database(path, tmp_path, "project_db", RUN)
        read, read_free = (partial(read_database, each, tmp_path, "project_db", RUN) for each in (path, free))
        # SQLite waits for seconds, which is a thousand times as long as reading takes.
        assert ratio(read, read_free, limit=50, clock=time.monotonic) < 50
        assert _state(path.parent) == before
    assert tracked.status == ("written" if wal else "running"), "as before the transaction"
    assert tracked.source.state == PARTIAL
    assert f"locked for writing by process {pid}" in tracked.source.reason


@pytest.mark.parametrize("wal", [False, True])
def test_reading_leaves_nothing_behind(tmp_path: Path, wal: bool) -> None:
    path = _project_db(tmp_path / "project.db", wal=wal)
    before = _state(tmp_path)
    assert read_database(path, tmp_path, "project_db", RUN)[0].source.state == READ
    assert _state(tmp_path) == before == {"project.db": before["project.db"]}


def test_absent_corrupt_empty_and_forbidden_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def source(path: Path) -> Source:
        return read_database(path, tmp_path, "project_db", RUN)[0].source

    path = _project_db(tmp_path / "project.db")
    assert source(tmp_path / "gone.db").state == ABSENT
    (tmp_path / "empty.db").touch()
    assert source(tmp_path / "empty.db").reason == "the file is empty: no table was ever made in it"
    (tmp_path / "text.db").write_text("not a database at all, whatever its name says" * 5)
    assert source(tmp_path / "text.db").reason.startswith("corrupt: ")
    data = bytearray(path.read_bytes())
    data[100:2500] = b"\xaa" * 2400
    (tmp_path / "damaged.db").write_bytes(data)
    assert source(tmp_path / "damaged.db").reason.startswith("corrupt: ")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE something (a)")
    assert source(tmp_path / "other.db").reason == "it has no table runs"

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("postmortem.collect.files.tracker.opened", refuse)
    assert "permission denied" in source(path).reason


def test_a_query_that_would_never_end_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "project.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE VIEW runs AS WITH RECURSIVE c(run_id) AS "
            "(SELECT 1 UNION ALL SELECT run_id + 1 FROM c) SELECT run_id FROM c"
        )
    tracked, _ = read_database(path, tmp_path, "project_db", RUN)
    assert tracked.source.state == UNREADABLE and "interrupted" in tracked.source.reason


def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert database_path("data/project.db", "", tmp_path) == tmp_path / "data/project.db"
    assert database_path("sqlite:////scratch/mlflow.db", "", tmp_path) == Path("/scratch/mlflow.db")
    assert database_path("https://tracker.example", "", tmp_path) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///own.db")
    assert database_path("sqlite:////scratch/mlflow.db", "MLFLOW_TRACKING_URI", tmp_path) == tmp_path / "own.db"


def test_the_reader_fills_curves_that_no_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    make_run(tmp_path, RUN)
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.executescript(_MLFLOW.format(run=RUN))
    _project_db(tmp_path / "data/project.db")
    facts = facts_of(RUN, "failed")
    reader.read(project(tmp_path), run_state(tmp_path, RUN), facts)
    assert [(t.kind, t.status) for t in facts.trackers] == [("project_db", "running"), ("mlflow", "RUNNING")]
    assert [curve.metric for curve in facts.curves] == ["val_loss"]


def test_contradictions_are_hints_and_corruption_a_symptom() -> None:
    facts = facts_of(RUN, "failed")
    facts.artefacts = [Artefact(RUN, "best_model.pt", READ, 5, role="success")]
    tracked = TrackedRun(Source("data/project.db"), "project_db", "running")
    facts.trackers = [tracked]
    assert [(f.id, f.role) for f in detector.detect(facts)] == [("tracking.database", HINT)]
    assert detector.detect(facts)[0].fix[0].command == "python -m pipeline.db summary"
    tracked.status = "failed"
    assert detector.detect(facts) == []
    tracked.source = Source("data/project.db", UNREADABLE, "corrupt: database disk image is malformed")
    assert [f.role for f in detector.detect(facts)] == [SYMPTOM]
    # absent is not corrupt
    tracked.source = Source("data/project.db", ABSENT, "there is no such file")
    assert detector.detect(facts) == []
