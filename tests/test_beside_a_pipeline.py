"""A diagnosis runs beside the pipeline that is still at work, and mends by itself what a killed call left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import attack_kills
import pytest
from example_projects import BOTH, call, diagnose_all, environment
from made_runs import failed_run

# A rule whose outputs are what a diagnosis reads: Snakemake locks just these files.
PIPELINE = """
rule train:
    output: "experimentruns/set_01/first/best_model.pt", "experimentruns/set_01/first/slurm.err"
    shell: "touch started; sleep 100"
"""
KILLED_AFTER = (0.6, 1.0, 1.4, 1.8, 2.2)  # seconds: before, while and after the jobs run
pytestmark = pytest.mark.slow


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
        done = call(tmp_path, *diagnose_all(snakemake, tmp_path))
        assert done.returncode == 0, done.stdout
        assert (tmp_path / "experimentruns" / "set_01" / "first" / "diagnosis.md").is_file()
        assert list((tmp_path / ".snakemake" / "locks").iterdir()) and pipeline.poll() is None
    finally:
        os.killpg(pipeline.pid, signal.SIGKILL)
        pipeline.wait()


@BOTH
def test_after_a_kill_the_next_call_makes_all(snakemake: Path, tmp_path: Path) -> None:
    assert attack_kills.attack(tmp_path, KILLED_AFTER, snakemake) == []
