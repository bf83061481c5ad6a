"""Failures that were really provoked are diagnosed rightly, and their healthy look-alikes are left alone."""

from __future__ import annotations

import pytest
from provoked_cases import Case, diagnose_all

pytestmark = pytest.mark.slow

SURE = 0.8


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return diagnose_all(tmp_path_factory.mktemp("provoked"))


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
