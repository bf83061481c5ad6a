"""The command that a pipeline's onerror waits for: a small failed run is diagnosed without any heavy library."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

from example_projects import REPOSITORY, environment
from made_runs import falling, make_run, plain_weights
from whole_chain import accounting, failed

COMMAND = REPOSITORY / "workflow" / "scripts" / "diagnose_now.py"
RUN = "set_01/teacher_autoencoder"
HEAVY = {"torch", "pandas", "numpy", "matplotlib", "snakemake"}


def test_a_small_failed_run_is_diagnosed_without_heavy_imports(tmp_path: Path) -> None:
    """With all kinds of evidence there: a log, a curve, a checkpoint, accounting, CSV data, and a good sibling."""
    weights = plain_weights()
    weights["head.weight"][0, 0] = math.nan
    failed(make_run(tmp_path, RUN, stderr="ValueError: x\n", weights=weights, val_loss=[0.5, math.nan]))
    ended = "2026-01-02 11:00:00 INFO Stage 'autoencoder' complete\n"
    make_run(tmp_path, "set_02/teacher_autoencoder", stderr=ended, weights=plain_weights(), val_loss=falling())
    (tmp_path / "data/cars/set_01/train").mkdir(parents=True)
    (tmp_path / "data/cars/set_01/train/a.csv").write_text("timestamp,attack\n0.1,0\n")
    (tmp_path / "data/datasets.yaml").write_text("set_01:\n  csv_dir: data/cars/set_01\n  csv_columns: {attack: int}\n")
    row = ("12", "smk-teacher_autoencoder-set_01", "FAILED", "1:0", "2026-01-05T10:00:00", "2026-01-05T10:06:00")
    table = accounting(tmp_path, row)
    command = [sys.executable, "-X", "importtime", str(COMMAND), "--directory", str(tmp_path)]
    done = subprocess.run(
        [*command, "--config", f"sacct={table}", "--config", "project=kd-gat"],
        capture_output=True, text=True, timeout=120, env=environment(), check=True,
    )  # fmt: skip
    imported = set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert {"postmortem.collect.tensors.checkpoint", "postmortem.report.summary", "re2"} <= imported
    assert not {name for name in imported if name.partition(".")[0] in HEAVY}
    assert "training.nan_loss" in done.stdout
    report = (tmp_path / "experimentruns" / RUN / "diagnosis.md").read_text()
    assert "NaN or infinite values in 1 of 7 tensors" in report and "- weights `head.weight`" in report
    assert (tmp_path / "experimentruns" / "diagnoses.tsv").is_file()
