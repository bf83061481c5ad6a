"""Every entry of the catalogue is walked: its hits are found, its look-alikes are not, its words can be rendered."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay import bundled_catalogue

from postmortem.analyze.catalogue import Entry
from postmortem.analyze.causes import meanings
from postmortem.jobs import catalogue_check

CASES = Path(__file__).parent / "catalogue"
ENTRIES = bundled_catalogue().entries
# Told by facts beyond the logs alone, or by the failure of another run: detectors name them.
BY_DETECTORS = {"training.collapse", "training.threshold", "training.generalisation", "workflow.upstream_failed"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_entry_keeps_to_its_tests(entry: Entry) -> None:
    assert not catalogue_check.problems(entry, bundled_catalogue(), CASES)


def test_no_test_file_without_its_entry() -> None:
    wanted = {catalogue_check.tests_of(entry, CASES) for entry in ENTRIES}
    stray = sorted(str(path.relative_to(CASES)) for path in CASES.rglob("*.yaml") if path not in wanted)
    assert not stray, f"these belong to no entry: {stray}"


def test_titles_are_unique_within_their_cause() -> None:
    names = [entry.name for entry in ENTRIES]
    assert len(names) == len(set(names)), sorted(n for n in set(names) if names.count(n) > 1)


def test_every_cause_has_an_entry_and_every_entry_a_cause() -> None:
    known = {entry.id for entry in ENTRIES}
    assert known <= set(meanings())
    missing = set(meanings()) - known - BY_DETECTORS - {"config.mismatch", "code.bug", "training.no_learning"}
    assert not missing
