"""The package under test is found where the workflow keeps it; what a test starts is what its marks say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "workflow" / "scripts"), str(REPOSITORY / "tests")]

import process_marks  # noqa: E402  it lies beside this file, which the path says only now

CLUSTER = REPOSITORY / "tests" / "slurm" / "cluster.sh"


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
    grouped = [item.nodeid for item in session.items if item.get_closest_marker("xdist_group")]
    if session.config.getoption("loadgroup", False) and not all("@" in name for name in grouped):
        raise pytest.UsageError("this pytest-xdist makes no groups under this pytest: see requirements-test.in")


def shared_fixture(item: pytest.Item) -> str:
    """The fixture that is made once for a module, with its parameter; empty if the test uses none."""
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        if definitions[-1].scope == "module":
            parameters = item.callspec.indices if hasattr(item, "callspec") else {}
            return f"{item.module.__name__}.{name}.{parameters.get(name, 0)}"
    return ""


COVERAGE_OF_PROCESSES = "COVERAGE_PROCESS_CONFIG"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Each test is held to its marks. The coverage of what they stand for is left out: it would take twice as long."""
    marks = {mark.name for mark in item.iter_markers()}
    coverage = os.environ.pop(COVERAGE_OF_PROCESSES, None) if marks & process_marks.MARKS else None
    try:
        with process_marks.held_to(marks):
            return (yield)
    finally:
        if coverage is not None:
            os.environ[COVERAGE_OF_PROCESSES] = coverage
