"""The project's own database, data/project.db: which runs there were, how they ended, what they measured."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.config import Config

DATABASE = Path("data") / "project.db"
SCHEMA = """
CREATE TABLE IF NOT EXISTS datasets (
    name TEXT PRIMARY KEY, domain TEXT, num_graphs INTEGER, num_unique_ids INTEGER, cache_valid INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, dataset TEXT, model_size TEXT, stage TEXT, use_kd INTEGER, status TEXT, teacher_run TEXT,
    started_at TEXT, completed_at TEXT, mlflow_run_id TEXT, config_json TEXT);
CREATE TABLE IF NOT EXISTS metrics (
    run_id TEXT, model TEXT, scenario TEXT, metric_name TEXT, value REAL,
    PRIMARY KEY (run_id, model, scenario, metric_name));
"""


def now() -> str:
    """The time as the database keeps it."""
    return datetime.now(UTC).isoformat()


@contextmanager
def connection(config: Config) -> Iterator[sqlite3.Connection]:
    """One short transaction; other runs write too, so it waits for them as long as `db_timeout` says."""
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(DATABASE, timeout=config.db_timeout)) as database, database:
        for statement in SCHEMA.split(";"):
            database.execute(statement)
        yield database


def started(config: Config, stage: str) -> None:
    """Note a run as running. A process that is killed leaves it like that."""
    teacher = "/".join(Path(config.teacher_path).parts[-3:-1]) if config.teacher_path else ""
    run_id = f"{config.dataset}/{config.run_name(stage)}"
    about = (run_id, config.dataset, config.model_size, stage, int(config.use_kd))
    row = (*about, "running", teacher, now(), None, None, json.dumps(asdict(config)))
    with connection(config) as database:
        database.execute(f"INSERT OR REPLACE INTO runs VALUES ({', '.join('?' * len(row))})", row)


def ended(config: Config, stage: str, status: str) -> None:
    """Note how a run ended: complete or failed."""
    with connection(config) as database:
        database.execute(
            "UPDATE runs SET status = ?, completed_at = ? WHERE run_id = ?",
            (status, now(), f"{config.dataset}/{config.run_name(stage)}"),
        )


def register_dataset(config: Config) -> None:
    """Note what the cache of a dataset holds."""
    path = Path("data") / "cache" / config.dataset / "cache_metadata.json"
    found = json.loads(path.read_text())
    row = (config.dataset, config.modality, found["num_graphs"], found["num_unique_ids"], 1)
    with connection(config) as database:
        database.execute("INSERT OR REPLACE INTO datasets VALUES (?, ?, ?, ?, ?)", row)


def measured(config: Config, stage: str, metrics: dict[str, Any]) -> None:
    """Keep the core metrics of an evaluation."""
    run_id = f"{config.dataset}/{config.run_name(stage)}"
    scenarios = {"val": {name: each for name, each in metrics.items() if name != "test"}, **metrics["test"]}
    rows = [
        (run_id, model, scenario, name, value)
        for scenario, models in scenarios.items()
        for model, groups in models.items()
        for name, value in groups["core"].items()
    ]
    with connection(config) as database:
        database.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?)", rows)
