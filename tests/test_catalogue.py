"""Every entry of the catalogue is walked: its hits are found, its look-alikes are not, its words can be rendered."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from postmortem.statements import statements_of
from replay import bundled_catalogue, diagnose, facts_of

CASES = Path(__file__).parent / "catalogue"
ENTRIES = bundled_catalogue().entries


def case_file(entry) -> Path:
    return CASES / entry.id / f"{entry.slug}.yaml"


def texts(entry, kind: str) -> list[str]:
    path = case_file(entry)
    assert path.exists(), f"{entry.name} ({entry.file}) has no tests: write {path.relative_to(CASES.parent)}"
    found = yaml.safe_load(path.read_text(encoding="utf-8")).get(kind) or []
    assert found, f"{path.relative_to(CASES.parent)} has no {kind}"
    return found


def replay(text: str, folder: Path):
    (folder / "slurm.err").write_text(text, encoding="utf-8")
    facts = facts_of(folder)
    found = {e.name: s for e, s, _ in bundled_catalogue().search([s for log in facts.logs for s in statements_of(log)])}
    return facts, found


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_hits(entry, tmp_path: Path) -> None:
    for text in texts(entry, "hits"):
        facts, found = replay(text, tmp_path)
        assert entry.name in found, f"{entry.name} is not found in:\n{text}\nbut {sorted(found)}"
        diagnosis = diagnose(facts, bundled_catalogue())
        assert not [p for p in diagnosis["not_checked"] if "broke" in p], diagnosis["not_checked"]
        assert "(entry " not in str(diagnosis), f"a text of {entry.name} cannot be rendered: {diagnosis['root_cause']} {diagnosis['fix']}"
        if entry.severity in ("fatal", "generic"):
            assert diagnosis["root_cause"]["id"] == entry.id, (
                f"{entry.name} is found, but the root cause is {diagnosis['root_cause']['id']}: {diagnosis['findings']}\n{text}"
            )


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_misses(entry, tmp_path: Path) -> None:
    for text in texts(entry, "misses"):
        _, found = replay(text, tmp_path)
        assert entry.name not in found, f"{entry.name} is found in its look-alike, at {found[entry.name].text!r}:\n{text}"


def test_no_test_file_without_its_entry() -> None:
    wanted = {case_file(entry) for entry in ENTRIES}
    stray = sorted(str(path.relative_to(CASES)) for path in CASES.rglob("*.yaml") if path not in wanted)
    assert not stray, f"these belong to no entry: {stray}"


def test_titles_are_unique_within_their_cause() -> None:
    names = [entry.name for entry in ENTRIES]
    assert len(names) == len(set(names)), sorted(n for n in set(names) if names.count(n) > 1)
