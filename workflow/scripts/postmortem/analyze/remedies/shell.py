"""Values of the project and of logs in commands for a shell: each is one word, and never an option."""

from __future__ import annotations

import shlex


def argument(value: str) -> str:
    """A path or another value as one word of a command."""
    return shlex.quote(f"./{value}" if value.startswith("-") else value)
