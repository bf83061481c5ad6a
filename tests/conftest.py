"""The package under test is found where the workflow keeps it; what a test starts is what its marks say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "workflow" / "scripts"), str(REPOSITORY / "tests")]
CLUSTER = REPOSITORY / "tests" / "slurm" / "cluster.sh"

SLURM_PROGRAMS = ("sbatch", "srun", "salloc", "scancel", "scontrol", "sacct", "squeue", "sinfo", "sacctmgr")
INTERPRETER = re.compile(r"python[\d.]*|bash|sh")
TRAINING_PROGRAMS = ("run_demo.py", "train.py", "train.sh")
TRAINING_MODULES = ("pipeline.cli", "pipeline.healthy")
_REAL_SLURM = {found for program in SLURM_PROGRAMS if (found := shutil.which(program))}


@pytest.fixture(scope="session")
def slurm() -> None:
    """A running cluster that is ours; .ci/run starts one where it may."""
    status = subprocess.run([str(CLUSTER), "status"], capture_output=True, text=True)
    if status.returncode:
        pytest.skip("no SLURM of ours runs here; `tests/slurm/cluster.sh start` installs and starts one where it may")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What pytest-xdist gives to one worker: the tests under the one real SLURM, and those that share a fixture.

    The slow ones come first: a worker that begins with one near the end would keep all waiting.
    """
    for item in items:
        if group := "slurm" if item.get_closest_marker("slurm") else shared_fixture(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: not (item.get_closest_marker("slurm") or item.get_closest_marker("slow")))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without its groups pytest-xdist would run SLURM's tests against each other, and say nothing."""
    grouped = any("@" in item.nodeid for item in session.items if item.get_closest_marker("xdist_group"))
    if session.config.getoption("loadgroup", False) and session.items and not grouped:
        raise pytest.UsageError("this pytest-xdist makes no groups under this pytest: see requirements-test.in")


def shared_fixture(item: pytest.Item) -> str:
    """The fixture that is made once for a module, with its parameter; empty if the test uses none."""
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        if definitions[-1].scope == "module":
            parameters = item.callspec.indices if hasattr(item, "callspec") else {}
            return f"{item.module.__name__}.{name}.{parameters.get(name, 0)}"
    return ""


# --- a test that starts Snakemake, SLURM or a training without the mark would slow down the checks that leave these out

OF_PROCESSES = {"snakemake", "snakemake7", "slurm", "training"}
COVERAGE_OF_PROCESSES = "COVERAGE_PROCESS_CONFIG"
_marks: set[str] | None = None  # of the test that runs, its fixtures included


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """The coverage of these processes is not measured: they would take twice as long."""
    global _marks
    _marks = {mark.name for mark in item.iter_markers()}
    coverage = os.environ.pop(COVERAGE_OF_PROCESSES, None) if _marks & OF_PROCESSES else None
    try:
        return (yield)
    finally:
        _marks = None
        if coverage is not None:
            os.environ[COVERAGE_OF_PROCESSES] = coverage


def marks_due(command: list[str], path: str | None) -> set[str]:
    """The marks that a test needs for starting this command with that PATH."""
    due = set()
    # Of an interpreter the words say what is started; to others they may be names of files.
    for word in command if INTERPRETER.fullmatch(os.path.basename(command[0])) else command[:1]:
        if os.path.basename(word) == "snakemake":
            due.add("snakemake7" if ".venv-snakemake7" in word else "snakemake")
        if os.path.basename(word) in TRAINING_PROGRAMS or word in TRAINING_MODULES:
            due.add("training")
    if shutil.which(command[0], path=path) in _REAL_SLURM:  # not a stand-in in front of the PATH
        due.add("slurm")
    return due


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "subprocess.Popen" or _marks is None:
        return
    _, command, _, environment = arguments
    words = [os.fsdecode(command)] if isinstance(command, str | bytes) else [os.fsdecode(word) for word in command]
    missing = marks_due(words, (environment or os.environ).get("PATH")) - _marks
    if missing:
        # Not an Exception: programs under test go on without a command that cannot be started.
        pytest.fail(f"starts {words[0]}, and lacks the mark {' and '.join(sorted(missing))}")


sys.addaudithook(_watch)
