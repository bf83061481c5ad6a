"""What the package raises on purpose.

ConfigError   a setting or a request that cannot be followed; one sentence for the user, shown without a traceback
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConfigError(Exception):
    """A setting or request of the user that cannot be followed: one sentence with the value, its place and a hint."""


def near_match(wanted: str, known: Iterable[str]) -> str:
    """' (did you mean "…"?)' for the known name nearest to the wanted one, or an empty string if none is near."""
    lowered = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(wanted.lower(), lowered, n=1)
    return f' (did you mean "{lowered[nearest[0]]}"?)' if nearest else ""


def describe(error: BaseException) -> str:
    """An exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
