"""What the interpreter's own messages ask for: knowledge of workflow/python_errors.yaml."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...facts import CodeFrame, Frame, RaisedException
from ...installation import PYTHON_ERRORS, table
from ..findings import Fix
from .code import edited

_SEARCHED = ("replace", "call")  # the parts of an edit that are expressions
MESSAGE_CHARACTERS = 500  # of a message; what it is about stands at its beginning


@dataclass(frozen=True)
class _Known:
    """One entry: what is searched in the message and in the line, and what is to be done."""

    error: Any  # a compiled RE2 expression
    source: str
    fix: str
    plain: str
    edit: dict[str, str]  # as `code.edited` takes it, with the names that are filled in
    adds: str


def remedy(exception: RaisedException, frame: Frame, code: Iterable[CodeFrame]) -> Fix | None:
    """What to do about an exception that was raised in a line of the project; None if its message is not known.

    frame: the innermost one, with its line of code. code: the project's code as far as it was read.
    """
    said = f"{exception.type}: {exception.message}".split("\n")[0][:MESSAGE_CHARACTERS].strip().removesuffix(":")
    for known in _known():
        found = known.error.search(said)
        if not found:
            continue
        names = {name: value or "" for name, value in found.groupdict().items()}
        in_line = _compiled(known.source % _literal(names)).search(frame.source) if known.source else None
        if known.source and not in_line and not known.plain:
            continue
        names |= {name: value or "" for name, value in (in_line.groupdict() if in_line else {}).items()}
        return _fix(known, known.plain if known.source and not in_line else known.fix, names, frame, code)
    return None


def import_of(name: str) -> str:
    """The statement that imports what nearly every program calls by that name (`np`); empty if none is known."""
    said = f"NameError: name '{name}' is not defined"
    known = next((each for each in _known() if each.adds and each.error.search(said)), None)
    return known.adds % {"name": name} if known else ""


def _fix(known: _Known, text: str, names: dict[str, str], frame: Frame, code: Iterable[CodeFrame]) -> Fix:
    function = frame.function if frame.function not in ("", "<module>") else "the module"
    words = names | {"place": f"{frame.file}:{frame.line}", "file": frame.file, "function": function}
    fix = Fix(text % words, None, None, frame.file, frame.line)
    if known.adds:
        fix.command = _import_added(frame.file, known.adds % names)
    if known.edit and text is known.fix:
        fix.diff = (
            edited(frame, code, {part: _filled(part, words, names) for part, words in known.edit.items()}) or None
        )
    return fix


def _filled(part: str, words: str, names: dict[str, str]) -> str:
    """A part of an edit with the names in it: literally where it is searched, and where it is written."""
    if part in _SEARCHED:
        return words % _literal(names)
    return words % {name: value.replace("\\", "\\\\") for name, value in names.items()}


def _import_added(file: str, statement: str) -> str | None:
    """The command that puts an import in front of the file's first one, and behind those from __future__."""
    if not re.fullmatch(r"[\w./+@ -]+\.py", file):
        return None
    edit = rf"0,/^(import|from [^_])/s//{statement}\n&/"
    return f"sed -i -E {shlex.quote(edit)} {shlex.quote(file)}"


def _literal(names: dict[str, str]) -> dict[str, str]:
    return {name: re.escape(value) for name, value in names.items()}


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Any:
    import re2

    from ...re2_options import re2_options

    return re2.compile(expression, re2_options())


@lru_cache(maxsize=1)
def _known() -> list[_Known]:
    content: list[dict[str, Any]] = table(PYTHON_ERRORS)
    return [
        _Known(
            _compiled(item["error"]),
            item.get("source", ""),
            item["fix"],
            item.get("plain", ""),
            item.get("edit") or {},
            item.get("adds", ""),
        )
        for item in content
    ]
