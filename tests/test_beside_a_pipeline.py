"""A diagnosis runs beside the pipeline that is still at work, and mends by itself what a killed call left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from example_projects import BOTH, REPOSITORY, call, environment
from made_runs import make_run

CRASH = 'Traceback (most recent call last):\n  File "t.py", line 3, in f\n    g()\nKeyError: "a"\n'
# A rule whose outputs are what a diagnosis reads: Snakemake locks just these files.
PIPELINE = """
rule train:
    output: "experimentruns/set_01/first/best_model.pt", "experimentruns/set_01/first/slurm.err"
    shell: "touch started; sleep 100"
"""
KILLED_AFTER = (0.6, 1.0, 1.4, 1.8, 2.2)  # seconds: before, while and after the jobs run
pytestmark = pytest.mark.slow


def command(snakemake: Path, root: Path) -> list[str]:
    asked = [snakemake, "diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", root, "--cores", "2"]
    return [str(word) for word in (*asked, "--config", "sacct=off")]


def failed_run(root: Path, run: str) -> None:
    make_run(root, run, stderr=CRASH)
    (root / "experimentruns" / run / ".failed").touch()


@BOTH
def test_it_does_not_wait_for_the_pipelines_lock(snakemake: Path, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(PIPELINE)
    pipeline = subprocess.Popen(
        [str(snakemake), "--cores", "1"], cwd=tmp_path, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "started").exists():
            assert time.monotonic() < end and pipeline.poll() is None
            time.sleep(0.1)
        failed_run(tmp_path, "set_01/first")
        assert list((tmp_path / ".snakemake" / "locks").iterdir())
        done = call(tmp_path, *command(snakemake, tmp_path))
        assert done.returncode == 0, done.stdout
        assert (tmp_path / "experimentruns" / "set_01" / "first" / "diagnosis.md").is_file()
        assert list((tmp_path / ".snakemake" / "locks").iterdir()) and pipeline.poll() is None
    finally:
        os.killpg(pipeline.pid, signal.SIGKILL)
        pipeline.wait()


@BOTH
def test_after_a_kill_the_next_call_makes_all(snakemake: Path, tmp_path: Path) -> None:
    runs = [f"set_{number:02d}/first" for number in range(12)]
    for run in runs:
        failed_run(tmp_path, run)
    for seconds in KILLED_AFTER:
        killed = subprocess.Popen(
            command(snakemake, tmp_path), cwd=tmp_path, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(seconds)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        for written in tmp_path.glob("experimentruns/*/*/diagnosis*.json"):
            json.loads(written.read_text())  # whole, or not there
    done = call(tmp_path, *command(snakemake, tmp_path))
    assert done.returncode == 0, done.stdout
    for run in runs:
        assert (tmp_path / "experimentruns" / run / "diagnosis.md").is_file(), run
    assert (tmp_path / "experimentruns" / "diagnoses.html").is_file()
    again = call(tmp_path, *command(snakemake, tmp_path))
    assert again.returncode == 0 and "rule collect" not in again.stdout, again.stdout
