"""Fixes with values and commands computed from the evidence."""

from __future__ import annotations

import math
import re
import shlex
from typing import Any

from .facts import RunFacts
from .findings import Fix

CONTEXT_LINES = 15  # shown by the commands that say where to read on


def half(number: Any) -> int | str:
    """Half of a number, rounded down to a power of two (batch sizes), at least 1; empty if it is no number."""
    try:
        value = float(number)
    except (TypeError, ValueError):
        return ""
    return 2 ** max(0, math.floor(math.log2(value / 2))) if value >= 2 else 1


def rerun(facts: RunFacts, values: dict[str, Any] | None = None) -> str:
    """The command that runs this stage again, with config values changed; empty if the profile has no template."""
    templates = facts.profile.get("run_again") or {}
    given = {key: value for key, value in (values or {}).items() if str(value) != ""}
    if not templates.get("stage") or not facts.stage or (values and not given):
        return ""
    flags = " ".join(
        templates["flag"].format(field=key.replace("_", "-"), value=shlex.quote(_shown(value)))
        for key, value in given.items()
    )
    config = f"{facts.directory}/config.json"
    return templates["stage"].format(stage=facts.stage, config=shlex.quote(config), flags=flags).strip()


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_on(path: str, line: int | None) -> Fix:
    """Where to read next, when there is nothing better to do."""
    if not line:
        return Fix(f"Read {path} from its end.", f"tail -n 40 {shlex.quote(path)}", None, path)
    first = max(1, line - CONTEXT_LINES)
    return Fix(
        f"Read {path} around line {line}.",
        f"sed -n '{first},{line + CONTEXT_LINES}p' {shlex.quote(path)}",
        None,
        path,
        line,
    )


def edit(file: str, line: int | None, function: str) -> Fix:
    """The place in the project's own code where to look or to change something."""
    where = f" in {function}" if function and function != "<module>" else ""
    return Fix(f"Correct {file}{f', line {line}' if line else ''}{where}.", None, None, _relative(file), line)


def _relative(file: str) -> str:
    # Tracebacks name absolute paths of the machine that ran; a path below the project is shown as the project has it.
    return re.sub(r"^\./", "", file)
