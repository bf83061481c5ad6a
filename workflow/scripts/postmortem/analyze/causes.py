"""The cause vocabulary: which causes there are, and what each means in a few words."""

from __future__ import annotations

from functools import lru_cache

from ..installation import SCHEMAS, table

VOCABULARY = SCHEMAS / "causes.yaml"


@lru_cache(maxsize=1)
def meanings() -> dict[str, str]:
    """Every cause's id with its meaning, as the contract's vocabulary gives them."""
    groups = table(VOCABULARY)
    return {cause: meaning for group in groups.values() for cause, meaning in group.items()}
