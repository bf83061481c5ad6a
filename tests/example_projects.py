"""Copies of the small examples, run as their READMEs say: what several test modules share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLES = REPOSITORY / "examples"
SNAKEMAKE_9 = Path(sys.executable).parent / "snakemake"
SNAKEMAKE_7 = REPOSITORY / ".venv-snakemake7" / "bin" / "snakemake"

BOTH = pytest.mark.parametrize(
    "snakemake",
    [
        pytest.param(SNAKEMAKE_9, id="9", marks=pytest.mark.snakemake),
        pytest.param(SNAKEMAKE_7, id="7", marks=pytest.mark.snakemake7),
    ],
)


def environment(**changes: str) -> dict[str, str]:
    """Ours without a profile of the user's; `python3` is the one of the system."""
    found = {key: value for key, value in os.environ.items() if key != "SNAKEMAKE_PROFILE"}
    return found | {"POSTMORTEM": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"} | changes


def copy(name: str, folder: Path) -> Path:
    """The example with what it shares with the others; its folder."""
    shutil.copytree(EXAMPLES / "data", folder / "data")
    shutil.copy(EXAMPLES / "train.py", folder)
    shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns(".snakemake", "experimentruns"))
    return folder / name


def call(folder: Path, *command: object, timeout: float = 120, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command there; stdout and stderr are one text, as on a terminal."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


def diagnose_all(snakemake: Path, root: Path) -> list[str]:
    """The workflow's command for all runs of a project, on two cores and without SLURM's accounting."""
    command = [snakemake, "diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", root, "--cores", "2"]
    return [str(word) for word in (*command, "--config", "sacct=off")]


def run_pipeline(folder: Path, snakemake: Path, *options: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """`snakemake --keep-going` in the copy; two jobs side by side."""
    command = [snakemake, "--cores", "2", "--keep-going", *options, "--config", f"postmortem={REPOSITORY}"]
    return call(folder, *command, **changes)


def told(output: str) -> list[str]:
    """The lines that are ours."""
    return [line for line in output.splitlines() if line.startswith("postmortem: ")]


def causes(folder: Path) -> dict[str, str]:
    """The cause that each diagnosis of the project names, or its status; by run."""
    found = {}
    for path in (folder / "experimentruns").glob("*/*/diagnosis.json"):
        diagnosis = json.loads(path.read_text())
        cause = diagnosis["root_cause"]
        found[diagnosis["run"]] = cause["id"] if cause else diagnosis["status"]
    return found
