"""How RE2 expressions are compiled, in the pass over raw logs and in the search of statements alike."""

from __future__ import annotations

from typing import Any

MEMORY_BYTES = 256 << 20  # for hundreds of patterns in one DFA; with the default of 8 MiB it becomes a slow NFA


def re2_options(captures: bool = True) -> Any:
    """Options for `re2.compile` and `re2.Set`. Without captures only places are found, which saves a second pass."""
    import re2

    options = re2.Options()
    options.max_mem = MEMORY_BYTES
    options.log_errors = False
    options.never_capture = not captures
    return options
