"""A part of `make attack` with a fixed seed: damaged files, secrets in all places, names, kills."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import attack_files
import attack_kills
import attack_names
import attack_secrets
import pytest
from attack import table

SEED = 20261126
CASES = 5  # of each kind of damage
KINDS = 2  # of secrets in each place


@pytest.mark.slow
@pytest.mark.parametrize("damage", attack_files.DAMAGES)
def test_damaged_files(damage: str, tmp_path: Path) -> None:
    problems = [attack_files.attack(tmp_path, damage, SEED + number) for number in range(CASES)]
    assert not any(problems), problems


@pytest.mark.slow
@pytest.mark.parametrize("place", attack_secrets.PLACES)
def test_secrets(place: str, tmp_path: Path) -> None:
    first = list(attack_secrets.PLACES).index(place) * KINDS
    for number in range(first, first + KINDS):
        kind = number % len(attack_secrets.KINDS)
        assert not attack_secrets.attack(tmp_path, place, kind), attack_secrets.KINDS[kind][0]


@pytest.mark.snakemake
@pytest.mark.slow
def test_names(tmp_path: Path) -> None:
    assert attack_names.attack(tmp_path, 60, SEED) == []


@pytest.mark.snakemake
@pytest.mark.slow
def test_kills(tmp_path: Path) -> None:
    assert attack_kills.attack(tmp_path, attack_kills.pauses(6, SEED)) == []


def test_names_are_of_folders_that_are_not_hidden() -> None:
    found = attack_names.names(200, SEED)
    assert len(set(found)) == 200 and not any(name[0] == "." or "/" in name for name in found)


def test_the_attack_notices_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attack that cannot fail shows nothing: a writer that spoils a file, a redactor that lets all through."""

    def spoil(arguments: list[str]) -> int:
        root = Path(arguments[1])
        (root / "train.sh").write_text("spoilt")
        return 0

    with monkeypatch.context() as changed:
        changed.setattr(attack_files.diagnose_now, "main", spoil)
        assert "train.sh" in attack_files.attack(tmp_path, "gone", SEED)
    monkeypatch.setattr("postmortem.text.redact", lambda text: text)
    assert "diagnosis.md" in attack_secrets.attack(tmp_path, "message of the exception", 0)


def test_table() -> None:
    assert list(table(Counter(a=3, b=1), Counter(a=2, b=1)))[2:] == [
        "| a | 3 | 2 |",
        "| b | 1 | 1 |",
        "| all | 4 | 3 |",
    ]
