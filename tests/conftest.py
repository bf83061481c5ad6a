"""The package under test is found where the workflow keeps it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "workflow" / "scripts"), str(REPOSITORY / "tests")]
CLUSTER = REPOSITORY / "tests" / "slurm" / "cluster.sh"


@pytest.fixture(scope="session")
def slurm() -> None:
    """A running cluster that is ours; .ci/run starts one where it may."""
    status = subprocess.run([str(CLUSTER), "status"], capture_output=True, text=True)
    if status.returncode:
        pytest.skip("no SLURM of ours runs here; `tests/slurm/cluster.sh start` installs and starts one where it may")
