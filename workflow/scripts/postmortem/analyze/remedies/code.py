"""Edits of the project's own code: one line of a file, as a unified diff."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...facts import CodeFrame, Frame


def edited(frame: Frame, known: Iterable[CodeFrame], replace: str, by: str) -> str:
    """The edit of a frame's line as a unified diff; empty if the line does not hold what is to be replaced.

    known: the code as it was read, which has the line's indentation, so that `patch -p0` takes the diff; a traceback
    prints the line without it, and the diff is for reading. replace: an RE2
    expression. by: what stands there instead, with \\1 for its groups.
    """
    line = _line(frame, known)
    if not frame.line or not line.strip():
        return ""
    changed = _substitute(replace, by, line)
    return "" if changed == line else diff(frame.file, frame.line, line, changed)


def diff(file: str, line: int, before: str, after: str) -> str:
    """One line of a file, before and after."""
    return f"--- {file}\n+++ {file}\n@@ -{line} +{line} @@\n-{before}\n+{after}"


def _line(frame: Frame, known: Iterable[CodeFrame]) -> str:
    for code in known:
        if code.line == frame.line and frame.file.endswith(code.file):
            here = next((item.text for item in code.lines if item.number == frame.line), "")
            if here.strip() == frame.source.strip() or not frame.source:
                return here
    return frame.source


def _substitute(expression: str, by: str, line: str) -> str:
    import re2

    from ...re2_options import re2_options

    compiled = re2.compile(expression, re2_options())
    match = compiled.search(line)
    if match is None:
        return line
    groups = [match[0], *match.groups()]
    text = re.sub(r"\\(\d)", lambda found: groups[int(found[1])] or "" if int(found[1]) < len(groups) else "", by)
    return f"{line[: match.start()]}{text}{line[match.end() :]}"
