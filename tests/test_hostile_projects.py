"""The whole chain on projects that are hostile, huge or in use: nothing is run, waited for, changed or swallowed."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from graph_files import graph, save_graphs
from made_runs import CONFIG, make_run, plain_weights
from repositories import commit, git
from timing import seconds
from whole_chain import collected, diagnosed, failed, record

from postmortem.report.render import markdown

RUN, NEXT = "set_01/teacher_autoencoder", "set_01/teacher_curriculum"
FAILED = "2026-01-05 10:00:00 INFO started\nRuntimeError: it failed\n"
MEMORY_MB = 400
WAITING = 10  # times what it takes beside an unlocked database; SQLite waits for five seconds, which is far more


class Hostile:
    """Unpickling this runs a command."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.proof}'",)


@pytest.mark.parametrize("file", ["best_model.pt", "id_mapping.pkl", "processed_graphs.pt", "upstream"])
def test_a_pickle_that_would_run_a_command_is_named_and_not_run(tmp_path: Path, file: str) -> None:
    proof, cache = tmp_path / "was-run", tmp_path / "data/cache/set_01"
    upstream = make_run(tmp_path, RUN, weights=plain_weights())
    directory = failed(make_run(tmp_path, NEXT, stderr=FAILED, weights=plain_weights()))
    save_graphs(cache / "processed_graphs.pt", [graph()])
    (cache / "id_mapping.pkl").write_bytes(pickle.dumps({i: i for i in range(9)} | {"OOV": 9}))
    assert "posix.system" not in markdown(diagnosed(tmp_path, NEXT))
    hostile = Hostile(proof)
    path = {"best_model.pt": directory / file, "upstream": upstream / "best_model.pt"}.get(file, cache / file)
    if file == "id_mapping.pkl":
        path.write_bytes(pickle.dumps({1: 0, "OOV": hostile}))
    elif file == "processed_graphs.pt":
        save_graphs(path, [graph()], extra=hostile)
    else:
        torch.save({"state_dict": plain_weights(), "extra": hostile}, path)
    report = markdown(diagnosed(tmp_path, NEXT))
    assert not proof.exists()
    named = [line.replace("\\", "") for line in report.split("\n") if "posix.system" in line]
    assert any(str(path.relative_to(tmp_path)) in line for line in named), report
    if file != "processed_graphs.pt":  # torch_geometric is not here to open it
        _open_trustingly(path)
        assert proof.exists(), "the file would have run the command"


def _open_trustingly(path: Path) -> None:
    if path.suffix == ".pt":
        torch.load(path, weights_only=False)
    else:
        pickle.loads(path.read_bytes())


def test_a_repository_with_traps_runs_nothing(tmp_path: Path) -> None:
    text = "import torch\nraise RuntimeError('it failed')\n"
    commit(tmp_path, "2026-01-01T12:00:00", "begin", pipeline__train=text)
    traceback = f'Traceback (most recent call last):\n  File "{tmp_path}/pipeline/train.py", line 2, in <module>\n'
    failed(make_run(tmp_path, RUN, stderr=FAILED.replace("RuntimeError", f"{traceback}RuntimeError")))
    trap, proof = tmp_path / "trap", tmp_path / "was-run"
    trap.write_text(f"#!/bin/sh\ntouch '{proof}'\n")
    trap.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "diff.x.textconv",
        "filter.x.clean",
        "core.sshCommand",
    ):
        git(tmp_path, "config", key, str(trap))
    (tmp_path / ".gitattributes").write_text("*.py diff=x filter=x\n")
    (tmp_path / "pipeline/train.py").write_text("# changed\n" + text)
    index = (tmp_path / ".git/index").stat().st_mtime_ns
    diagnosis = diagnosed(tmp_path, RUN)
    assert (
        diagnosis["code"][0]["file"] == "pipeline/train.py" and "has changed since" in diagnosis["code"][0]["version"]
    )
    assert not proof.exists() and (tmp_path / ".git/index").stat().st_mtime_ns == index


# --- huge files ----------------------------------------------------------------------------------------------------

_MEASURED = """
import json, os, sys
from pathlib import Path
import msgspec
from whole_chain import collected
facts = collected(Path(sys.argv[1]), sys.argv[2])
kilobytes = 0
for status in Path("/proc").glob("[0-9]*/status"):
    try:
        rows = dict(line.split(":", 1) for line in status.read_text().splitlines())
    except OSError:
        continue  # it has just ended
    if str(os.getpid()) in (rows["Pid"].strip(), rows["PPid"].strip()):
        kilobytes += int(rows.get("VmHWM", "0 kB").split()[0])
print(json.dumps([kilobytes // 1024, msgspec.to_builtins(facts)]))
"""


def _measured(root: Path, run: str) -> tuple[int, dict[str, Any]]:
    """Collect in a process of its own: MB (its own peak and its helper's together), and the facts."""
    path = os.pathsep.join(folder for folder in sys.path if folder)
    command = [sys.executable, "-c", _MEASURED, str(root), run]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, check=True)
    megabytes, facts = json.loads(done.stdout)
    return megabytes, facts


@pytest.mark.slow
def test_a_checkpoint_of_two_gigabytes(tmp_path: Path) -> None:
    directory = failed(make_run(tmp_path, RUN, stderr=FAILED))
    weights = {f"layer.{i}.weight": torch.empty(64_000_000) for i in range(8)}
    with torch.serialization.skip_data():  # holes instead of values: 2 GB that take no space
        torch.save(weights, directory / "best_model.pt")
    assert (directory / "best_model.pt").stat().st_size > 1.9 * 2**30
    megabytes, facts = _measured(tmp_path, RUN)
    (checkpoint,) = facts["checkpoints"]
    assert checkpoint["parameter_count"] == 8 * 64_000_000
    assert megabytes < MEMORY_MB


@pytest.mark.slow
def test_a_cache_of_one_gigabyte(tmp_path: Path) -> None:
    failed(make_run(tmp_path, RUN, stderr=FAILED))
    path = tmp_path / "data/cache/set_01/processed_graphs.pt"
    big = graph() | {"x": torch.empty(2_000_000, 11)}
    with torch.serialization.skip_data():
        save_graphs(path, [dict(big, x=torch.empty(2_000_000, 11)) for _ in range(13)])
    assert path.stat().st_size > 1.0 * 2**30
    megabytes, facts = _measured(tmp_path, RUN)
    assert facts["cache"]["graphs"] == 13 and facts["cache"]["node_features"] == [11]
    assert megabytes < MEMORY_MB


# --- databases in use ----------------------------------------------------------------------------------------------

_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint=0")
connection.execute(sys.argv[2])
connection.execute("UPDATE runs SET status = 'not committed'")
print("held", flush=True)
sys.stdin.read()
"""


def _state(folder: Path) -> dict[str, str]:
    # -shm is the writers' shared memory: its content is theirs, that it is there or not is what counts
    return {
        p.name: "" if p.name.endswith("-shm") else hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.iterdir())
    }


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_database_in_a_write_transaction(tmp_path: Path, journal: str, begin: str) -> None:
    failed(make_run(tmp_path, RUN, stderr=FAILED))
    record(tmp_path, RUN, "running", "2026-01-05T10:00:00", None, CONFIG)
    database = tmp_path / "data/project.db"
    collect = partial(collected, tmp_path, RUN)
    collect()
    unlocked = seconds(collect, clock=time.monotonic)
    with sqlite3.connect(database) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
    connection.close()
    alone = _state(database.parent)
    collected(tmp_path, RUN)
    assert _state(database.parent) == alone and set(alone) == {"project.db"}, "no -wal, -shm or journal is left"
    command = [sys.executable, "-c", _HOLD, str(database), begin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout and process.stdout.readline() == "held\n"
            before = _state(database.parent)
            assert seconds(collect, clock=time.monotonic) < WAITING * unlocked
            facts = collected(tmp_path, RUN)
            assert _state(database.parent) == before
        finally:
            process.kill()
    tracked = next(t for t in facts.trackers if t.kind == "project_db")
    assert tracked.status == "running", "as before the transaction"
    assert any(f"locked for writing by process {process.pid}" in item for item in facts.not_checked)
