"""Whatever lies where a file is looked for, a pipe without a writer or a device without an end, nothing waits."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from graph_files import graph, save_graphs
from made_runs import falling, make_run, plain_weights, scores
from whole_chain import collected, diagnosed

from postmortem.files import open_file, read_text

PACKAGE = Path(__file__).resolve().parent.parent / "workflow" / "scripts" / "postmortem"
RUN, UPSTREAM, OTHER = "set_01/teacher_curriculum", "set_01/teacher_autoencoder", "set_02/teacher_curriculum"
SECONDS = 20  # for a diagnosis that takes a tenth of one
CRASH = (
    "2026-01-05 10:00:00 INFO started\nTraceback (most recent call last):\n"
    '  File "{}/pipeline/train.py", line 3, in f\n    g()\nKeyError: "a"\n'
)
# Where the package opens something itself: the door, its own files, and copies of its own.
DOORS = {"files.py", "databases.py", "installation.py", "project/project.py", "collect/tensors/helper.py"}


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def over(*_: object) -> None:
        raise TimeoutError(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def project_with_everything(root: Path) -> None:
    """A failed run with all that a reader looks for."""
    (root / "pipeline").mkdir(parents=True)
    (root / "pipeline" / "train.py").write_text("def f():\n    x = {}\n    g()\n")
    (root / "pipeline" / "Snakefile").write_text('rule train:\n    output: "a"\n')
    (root / "train.sh").write_text(f"#SBATCH --time=1\npython pipeline/train.py experimentruns/{RUN}\n")
    make_run(root, UPSTREAM, stderr="training is complete\n", weights=plain_weights(), val_loss=falling())
    make_run(root, OTHER, stderr="training is complete\n", weights=plain_weights(), val_loss=falling())
    crashed = CRASH.format(root)
    run = make_run(root, RUN, stderr=crashed, stdout="epoch 1 loss=0.5\n", val_loss=falling(), weights=plain_weights(),
                   metrics={"gat": scores(0.9, 0.9, 0.9, 0.9)})  # fmt: skip
    (run / ".failed").write_text(json.dumps({"exit_code": 1, "slurm_job_id": "71"}))
    cache = root / "data" / "cache" / "set_01"
    save_graphs(cache / "processed_graphs.pt", [graph()])
    (cache / "id_mapping.pkl").write_bytes(pickle.dumps({1: 0, "OOV": 1}))
    (cache / "cache_metadata.json").write_text(json.dumps({"num_graphs": 1, "window_size": 100}))
    data = root / "data" / "automotive" / "set_01" / "train_01"
    data.mkdir(parents=True)
    (data / "a.csv").write_text("time,id\n0,1\n")
    (root / "config").mkdir()
    (root / "config" / "datasets.yaml").write_text(yaml.safe_dump({"set_01": {"path": "data/automotive/set_01"}}))
    with sqlite3.connect(root / "data" / "project.db") as database:
        database.execute("CREATE TABLE runs (run_id TEXT, status TEXT, started_at TEXT, completed_at TEXT)")
    log = root / ".snakemake" / "log" / "2026-01-05T100000.000000.snakemake.log"
    log.parent.mkdir(parents=True)
    log.write_text(
        "[Mon Jan  5 10:00:00 2026]\nrule train:\n    output: experimentruns/set_01/teacher_curriculum/best_model.pt\n"
        "    jobid: 1\n\nSubmitted job 1 with external jobid '71'.\n[Mon Jan  5 11:00:00 2026]\nError in rule train:\n"
        "    jobid: 1\n    output: experimentruns/set_01/teacher_curriculum/best_model.pt\n    cluster_jobid: 71\n\n"
    )
    (root / "slurm_logs").mkdir()
    (root / "slurm_logs" / "71-train.err").write_text("slurmstepd: error: Detected 1 oom_kill event\n")
    (root / "sacct.txt").write_text(
        "JobID|JobName|State|ExitCode|Submit|Start|End|WorkDir|SubmitLine\n"
        f"71|train|FAILED|1:0|2026-01-05T10:00:00|2026-01-05T10:00:01|2026-01-05T11:00:00|{root}|sbatch train.sh\n"
    )


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it should be; it is found and read from end to end."""
    root = tmp_path_factory.mktemp("whole") / "p"
    project_with_everything(root)
    facts = collected(root, RUN, "sacct.txt")
    assert facts.slurm_jobs and facts.snakemake_jobs and facts.config and facts.cache and facts.metrics and facts.curves
    return root


@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_no_file_of_a_project_holds_a_diagnosis_up(whole: Path, tmp_path: Path, kind: str) -> None:
    """Each file in its turn, and all at once."""
    names = files_of(whole)
    assert len(names) > 20
    for name in [*names, "data/project.db-journal", "data/project.db-wal", *[""]]:
        root = tmp_path / "p"
        shutil.copytree(whole, root)
        for each in [name] if name else names:
            (root / each).unlink(missing_ok=True)
            if kind == "pipe":
                os.mkfifo(root / each)
            else:
                (root / each).symlink_to("/dev/zero")
        try:
            with at_most(SECONDS):
                diagnosed(root, RUN, "sacct.txt" if (root / "sacct.txt").is_file() else "off")
        except TimeoutError as error:
            raise AssertionError(name or "all") from error
        shutil.rmtree(root)


def test_what_is_no_file_is_named_in_words(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path / "pipe", "named pipe"), (Path("/dev/zero"), "device"), (tmp_path, "folder")):
        with pytest.raises(OSError, match=words):
            open_file(path)
    (tmp_path / "large").write_text("x" * 100)
    with pytest.raises(OSError, match="larger than"):
        read_text(tmp_path / "large", 99)
    assert read_text(tmp_path / "large", 100) == "x" * 100


def test_there_is_one_door_to_files() -> None:
    """Whatever reads from a project reads through files.py, which refuses what would never end."""
    opens = re.compile(r"\bopen\(|\.read_text\(|\.read_bytes\(|copyfile\(|copy2?\(|sqlite3\.connect\(")
    for path in PACKAGE.rglob("*.py"):
        if str(path.relative_to(PACKAGE)) in DOORS:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not opens.search(line) or '.open("w")' in line, f"{path.name}: {line.strip()}"
