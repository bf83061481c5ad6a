"""How sure an entry of the catalogue is by itself: what its pattern lets expect, and how often it was right before.

The record (workflow/record.yaml) holds for each entry in how many repositories of strangers its answers were right, and
in how many one was wrong. It is made by tools/record.py from labelled runs. A repository counts once, however many of
its runs failed alike, and a few repositories mean little: the expectation weighs as much as WEIGHT of them.
"""

from __future__ import annotations

from functools import lru_cache

from ..installation import RECORD, table
from .findings import FATAL, GENERIC, HINT, SYMPTOM, WRAPPER

# What an entry starts at without a record, if its pattern is a sentence. On logs that were new to the catalogue all of
# 100 answers of fatal entries, and nine in ten of the others, were right.
EXPECTED = {FATAL: 0.9, GENERIC: 0.75, SYMPTOM: 0.62, HINT: 0.3, WRAPPER: 0.1}
# How much of that is left for a pattern that other programs print as well. Chosen so that without a record only
# sentences are sure (0.8 and more); a wording gets there by two repositories, a word by five.
SHARE = {"sentence": 1.0, "wording": 0.84, "word": 0.7}
# Repositories. On new logs the answers of entries that had been right in two or more others were wrong in 1 of 100,
# those of the others in 1 of 16.
WEIGHT = 6
# Roles that may be named as the cause; the others say nothing that could be right or wrong.
_ANSWERING = (FATAL, GENERIC, SYMPTOM)


def sureness(role: str, strength: str, right: int, wrong: int) -> float:
    """How sure a finding of such an entry is. right, wrong: other repositories in which its answers were."""
    expected = EXPECTED[role]
    if role not in _ANSWERING:
        return expected
    expected *= SHARE[strength]
    return round((expected * WEIGHT + right) / (WEIGHT + right + wrong), 2)


def of_entry(name: str) -> tuple[int, int]:
    """The record of the entry "id: title": repositories in which it was right, and in which it was wrong."""
    right, wrong = _record().get(name, (0, 0))
    return right, wrong


@lru_cache(maxsize=1)
def _record() -> dict[str, tuple[int, int]]:
    """An installation without the file has no record."""
    if not RECORD.exists():
        return {}
    content = table(RECORD) or {}
    return {name: (int(right), int(wrong)) for name, (right, wrong) in content.items()}
