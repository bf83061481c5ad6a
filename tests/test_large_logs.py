"""Large and hostile logs through the whole chain, as the command line runs it: memory and time stay bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from example_projects import REPOSITORY, SNAKEMAKE_9, environment
from timing import LINEAR, growth

from postmortem.analyze import catalogue
from postmortem.discover import discovery
from postmortem.jobs import stages
from postmortem.project import project

pytestmark = pytest.mark.slow

RUN = "set_01/teacher_autoencoder"
MIB = 1 << 20
CRASH = (
    'Traceback (most recent call last):\n  File "/p/train.py", line 3, in <module>\n    main()\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB\n"
)
# The largest of all processes below it, those that Snakemake starts included: they are waited for.
MEASURE = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def run_directory(root: Path) -> Path:
    directory = root / "experimentruns" / RUN
    directory.mkdir(parents=True)
    (directory / ".failed").touch()
    (directory / "config.json").write_text('{"lr": 0.002, "max_epochs": 20}')
    return directory


def training_log(path: Path, mebibytes: int) -> None:
    """The same epoch again and again, which is fast, with what a training says now and then, and its failure."""
    epoch = "".join(
        f"2026-11-22 21:51:{i % 60:02d},{i % 1000:03d}  trainer  INFO  step {i} train_loss 0.{i * 7919 % 10**6:06d}\n"
        for i in range(50_000)
    ).encode()
    epoch += b"".join(b"WARNING: worker %d is slow\n" % i for i in range(200))
    with path.open("wb") as stream:
        while stream.tell() + len(epoch) < mebibytes * MIB:
            stream.write(epoch)
        stream.write(b"x" * (mebibytes * MIB - stream.tell() - len(CRASH) - 1) + b"\n" + CRASH.encode())


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Path]:
    """A project whose run has a log of 512 MiB, which is deleted at once: pytest keeps the folders of three calls."""
    directory = run_directory(tmp_path)
    training_log(directory / "slurm.err", 512)
    yield tmp_path
    (directory / "slurm.err").unlink()


@pytest.mark.snakemake
def test_memory_is_bounded_whatever_the_size_of_a_log(large: Path) -> None:
    assert (large / "experimentruns" / RUN / "slurm.err").stat().st_size == 512 * MIB
    command = [SNAKEMAKE_9, "diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", large, "--cores", "1"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, command), "--config", "sacct=off"],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(),
    )
    status, peak = map(int, done.stdout.split())
    print(f"peak memory of the largest process: {peak} MiB")
    assert status == 0, done.stderr
    assert peak < 400, f"peak memory {peak} MiB"
    found = json.loads((large / "experimentruns" / RUN / "diagnosis.json").read_text())
    assert found["root_cause"]["id"] == "gpu.oom"
    assert any(item["text"].startswith("torch.OutOfMemoryError") for item in found["evidence"])


HOSTILE: dict[str, Callable[[], bytes]] = {
    "one line": lambda: b"x" * 30_000_000,
    "one line of words": lambda: b"loss error nan " * 2_000_000,
    "errors": lambda: b"".join(b"ERROR: sample %d failed: RuntimeError: bad\n" % i for i in range(100_000)),
    "a word": lambda: b"loss " * 400_000,
    "bars": lambda: b"\r".join(b"Epoch 1: %d%%|## | 1/9 [00:01<00:02, loss=nan]" % (i % 100) for i in range(300_000)),
    "tracebacks": lambda: CRASH.encode() * 20_000,
    "zeros": lambda: bytes(30_000_000),
    "quotes": lambda: b"\"'" * 3_000_000 + b"\n" + b"((((" * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_logs_take_linear_time(name: str, tmp_path: Path) -> None:
    log = run_directory(tmp_path) / "slurm.err"
    files = [str(path) for path in catalogue.files()]
    watched = project.from_config({"sacct": "off"}, tmp_path)

    def diagnosed(content: bytes) -> None:
        log.write_bytes(content)
        found = chain(watched, files)
        assert found["run"] == RUN and not any("broke" in line for line in found["not_checked"])

    assert growth(diagnosed, HOSTILE[name]()) < LINEAR
    log.unlink()


def chain(watched: project.Project, files: list[str]) -> dict[str, Any]:
    """What the jobs do for the run, in this process; the diagnosis."""
    directory = watched.experiment_root / RUN
    names = ("diagnosis.facts.json", "diagnosis.json", "diagnosis.md")
    facts, diagnosis, report = (directory / name for name in names)
    found = discovery.discover(watched)
    state = found.state_of(RUN)
    assert state is not None
    signals = stages.signals_of(lambda: stages.load_catalogue(files)[0])
    stages.collect_one(watched, state, found.all_runs, signals, facts)
    stages.analyze_batch([str(facts)], files, [str(diagnosis)])
    stages.report_one(diagnosis, report)
    assert facts.stat().st_size < 2 * MIB and "## Root Cause" in report.read_text()
    return dict(json.loads(diagnosis.read_text()))
