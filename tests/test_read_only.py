"""Diagnosing leaves a project as it is, byte for byte, but for the outputs: databases, checkpoints, caches, git."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from example_projects import BOTH, REPOSITORY
from graph_files import graph, save_graphs
from made_runs import falling, make_run, plain_weights

FAILED, GOOD, KILLED = "set_01/teacher_autoencoder", "set_02/teacher_autoencoder", "set_01/teacher_curriculum"
OUTPUTS = {"diagnosis.facts.json", "diagnosis.json", "diagnosis.md"}
SUMMARIES = {"diagnoses.md", "diagnoses.html", "diagnoses.tsv"}
CODE = "def train(batch):\n    return batch['f1']\n\n\ntrain({})\n"
CRASH = (
    "2026-03-01 10:00:00,000 INFO start\nTraceback (most recent call last):\n"
    '  File "{root}/pipeline/train.py", line 5, in <module>\n    train({{}})\n'
    "  File \"{root}/pipeline/train.py\", line 2, in train\n    return batch['f1']\nKeyError: 'f1'\n"
)


def snapshot(root: Path) -> dict[str, tuple[str, int, int]]:
    """What each file and folder holds, when it was changed, and its mode; without .snakemake.

    A folder holds its entries. When a folder was changed is left out where outputs are put: they come and go there.
    """
    found = {}
    for folder, folders, files in os.walk(root):
        if ".snakemake" in folders and folder == str(root):
            folders.remove(".snakemake")
        for name in [*folders, *files]:
            path = Path(folder) / name
            status = path.lstat()
            content = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
            runs = path.is_dir() and path.is_relative_to(root / "experimentruns")
            found[str(path.relative_to(root))] = (content, 0 if runs else status.st_mtime_ns, status.st_mode)
    return found


def database(path: Path, table: str, left_open: bool) -> None:
    """A database in WAL mode: closed, whoever opens it makes files beside it; left open, they lie there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name("made.db") if left_open else path
    connection = sqlite3.connect(made)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(table)
    connection.commit()
    if left_open:
        for suffix in ("", "-wal", "-shm"):
            shutil.copyfile(f"{made}{suffix}", f"{path}{suffix}")
    connection.close()
    if left_open:
        made.unlink()


def project(root: Path) -> Path:
    """What a pipeline leaves: code under git, runs that failed and one that is good, two databases, data and caches."""
    (root / "pipeline").mkdir(parents=True)
    (root / "pipeline" / "train.py").write_text(CODE)
    crash = CRASH.format(root=root)
    make_run(root, FAILED, stderr=crash, val_loss=falling(), weights=plain_weights())
    make_run(root, KILLED, stderr="2026-03-01 12:00:00,000 INFO start\nKilled\n", config={"lr": 1e9})
    make_run(root, GOOD, stderr="Stage 'autoencoder' complete\n", val_loss=falling(), weights=plain_weights())
    (root / "experimentruns" / FAILED / ".failed").write_text(json.dumps({"rule": "train", "exit_code": 1}))
    (root / "experimentruns" / KILLED / "best_model.pt").write_bytes(b"PK\x03\x04 cut off")
    rows = "".join(
        f"INSERT INTO runs VALUES ('{run}', 'running', '2026-03-01T10:00:00', NULL);" for run in (FAILED, KILLED)
    )
    database(
        root / "data" / "project.db",
        f"CREATE TABLE runs (run_id TEXT, status TEXT, started_at TEXT, completed_at TEXT); {rows}",
        left_open=False,
    )
    database(root / "mlflow.db", "CREATE TABLE runs (run_uuid TEXT, name TEXT, status TEXT);", left_open=True)
    cache = root / "data" / "cache" / "set_01"
    cache.mkdir(parents=True)
    save_graphs(cache / "processed_graphs.pt", [graph(), graph(features=10)])
    (cache / "id_mapping.pkl").write_bytes(pickle.dumps({1: 0, "OOV": 1}))
    (cache / "cache_metadata.json").write_text('{"num_graphs": 2}')
    (root / "data" / "csv" / "set_01").mkdir(parents=True)
    (root / "data" / "csv" / "set_01" / "a.csv").write_text("time,id\n0.1,3\n")
    (root / "data" / "datasets.yaml").write_text("set_01: {csv_dir: data/csv/set_01}\n")
    (root / "slurm_logs").mkdir()
    (root / "slurm_logs" / "77-train.err").write_text(crash)
    if shutil.which("git"):
        git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b.c"]
        for command in (["init", "-q"], ["add", "pipeline"], ["commit", "-qm", "code"]):
            subprocess.run([*git, *command], check=True, capture_output=True)
        (root / "pipeline" / "train.py").write_text(CODE + "# not committed\n")
    return root


@pytest.mark.slow
@BOTH
def test_a_project_is_the_same_afterwards_but_for_the_outputs(snakemake: Path, tmp_path: Path) -> None:
    if not snakemake.exists():
        pytest.skip(f"there is no {snakemake}")
    root = project(tmp_path / "project")
    before = snapshot(root)
    assert {"mlflow.db-wal", "mlflow.db-shm"} <= before.keys() and "data/project.db-wal" not in before
    command = [snakemake, "diagnose_all", f"experimentruns/{GOOD}/diagnosis.md", "-s", REPOSITORY / "Snakefile"]
    done = subprocess.run(
        [*command, "--directory", root, "--cores", "2", "--config", "sacct=off"],
        env=os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = snapshot(root)
    expected = {f"experimentruns/{run}/{name}" for run in (FAILED, KILLED, GOOD) for name in OUTPUTS}
    assert after.keys() - before.keys() == expected | {f"experimentruns/{name}" for name in SUMMARIES}
    changed = {name for name, was in before.items() if after.get(name) != was}
    assert changed == set()
    # It was not left alone for want of looking at it.
    facts = json.loads((root / "experimentruns" / FAILED / "diagnosis.facts.json").read_text())
    assert {tracker["source"]["state"] for tracker in facts["trackers"]} and facts["cache"] and facts["code"]
    assert len(facts["trackers"]) == 2 and facts["checkpoints"][0]["tensor_count"]
