"""A test that starts Snakemake, SLURM or a training fails without the mark."""

from __future__ import annotations

import subprocess
import sys

import pytest
from example_projects import SNAKEMAKE_7, SNAKEMAKE_9
from process_marks import held_to, marks_due


@pytest.mark.parametrize(
    ("command", "marks"),
    [
        ([str(SNAKEMAKE_9), "--cores", "1"], {"snakemake"}),
        ([str(SNAKEMAKE_7), "--cores", "1"], {"snakemake7"}),
        ([sys.executable, "-c", "import subprocess", str(SNAKEMAKE_9)], {"snakemake"}),
        ([sys.executable, "-m", "pipeline.cli", "autoencoder"], {"training"}),
        (["bash", "train.sh", "city/plain"], {"training"}),
        (["git", "add", "--", "train.py"], set()),
        (["cp", "-r", "snakemake", "elsewhere"], set()),
    ],
)
def test_a_command_says_what_it_starts(command: list[str], marks: set[str]) -> None:
    assert marks_due(command) == marks


def test_a_process_without_its_mark_fails_the_test() -> None:
    command = [sys.executable, "-c", "", "snakemake"]
    with held_to({"slow"}), pytest.raises(pytest.fail.Exception, match="lacks the mark snakemake"):
        subprocess.run(command, check=True)
    with held_to({"snakemake"}):
        subprocess.run(command, check=True)
