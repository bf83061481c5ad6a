"""Failures that were really provoked are diagnosed rightly, and their healthy look-alikes are left alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from provoked_cases import Case, diagnose_all

from postmortem.analyze.findings import Fix
from postmortem.analyze.remedies.acting import left_open

pytestmark = pytest.mark.slow

SURE = 0.8


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("provoked")


@pytest.fixture(scope="module")
def cases(root: Path) -> list[Case]:
    return diagnose_all(root)


def test_nearly_all_causes_are_named(cases: list[Case]) -> None:
    failed = [case for case in cases if case.causes]
    missed = [f"{case.name}: {case.found}, not {'|'.join(sorted(case.causes))}" for case in failed if not case.right]
    share = 1 - len(missed) / len(failed)
    print(f"provoked failures: {share:.3f} of {len(failed)} right; missed: {missed}")
    assert share >= 0.98, missed


def test_no_cause_is_surely_wrong(cases: list[Case]) -> None:
    wrong = [
        c
        for c in cases
        if c.causes and not c.right and c.found != "unknown" and c.diagnosis["root_cause"]["confidence"] >= SURE
    ]
    assert not wrong, [(case.name, case.found) for case in wrong]


def test_the_decisive_line_is_quoted(cases: list[Case]) -> None:
    failed = [case for case in cases if case.causes]
    missed = [case.name for case in failed if not case.quoted]
    assert len(missed) <= 0.03 * len(failed), missed


def test_healthy_runs_are_left_alone(cases: list[Case]) -> None:
    alarmed = [(case.name, case.diagnosis["summary"]) for case in cases if not case.causes and not case.right]
    assert not alarmed


def test_every_command_can_be_pasted(cases: list[Case], root: Path) -> None:
    """It parses, nothing in it is left for the reader to fill in, and the files that it shows are there."""
    fixes = [(case.name, Fix(fix["text"], fix.get("command"))) for case in cases for fix in case.diagnosis["fix"]]
    commands = [(name, fix.command, fix) for name, fix in fixes if fix.command]
    assert len(commands) > 100
    for name, command, fix in commands:
        parsed = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False)
        assert parsed.returncode == 0, (name, command, parsed.stderr)
        assert not left_open(fix), (name, command)
        for shown in re.findall(r"sed -n '\d+,\d+p' (\S+)", command):
            assert (root / shown).is_file(), (name, command)
