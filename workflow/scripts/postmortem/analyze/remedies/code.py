"""Edits of the project's own code: one line of a file, as a unified diff."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...facts import CodeFrame, Frame
from ...paths import names


def edited(frame: Frame, known: Iterable[CodeFrame], edit: dict[str, str], around: bool = False) -> str:
    """The edit of a frame's line as a unified diff; empty if the line does not hold what is to be changed.

    known: the code as it was read, which has the line's indentation, so that `patch -p0` takes the diff; a traceback
    prints the line without it, and the diff is for reading. edit: either `replace`, an RE2 expression, and `by`, what
    stands there instead, with \\1 for its groups; or `call`, an expression for the name of a function, and `add`, an
    argument that its call is given. around: the lines around it that were read are edited as well: what a library no
    longer has is gone there, too.
    """
    file, line = _line(frame, known)
    if not frame.line or not line.strip():
        return ""
    if "call" in edit:
        changed = with_argument(line, edit["call"], edit["add"])
    else:
        changed = _substitute(edit["replace"], edit["by"], line)
    if changed == line:
        return ""
    others = _others(frame, known) if around and "replace" in edit else {}
    lines = {number: (text, _substitute(edit["replace"], edit["by"], text)) for number, text in others.items()}
    lines[frame.line] = (line, changed)
    hunks = [diff(file, number, *lines[number]) for number in sorted(lines) if lines[number][0] != lines[number][1]]
    header = f"--- {file}\n+++ {file}\n"
    return header + "\n".join(hunk.removeprefix(header) for hunk in hunks)


def substituted(frame: Frame, replace: str, by: str) -> str:
    """The same for a line as the traceback prints it: every `replace` (RE2) in it written as `by`."""
    return edited(frame, [], {"replace": replace, "by": by})


def _others(frame: Frame, known: Iterable[CodeFrame]) -> dict[int, str]:
    """The lines around a frame's, where that one reads as it did when it ran."""
    for code in known:
        if code.line == frame.line and names(frame.file, code.file):
            here = {item.number: item.text for item in code.lines}
            if here.pop(code.line, "").strip() == frame.source.strip():
                return here
    return {}


def with_argument(line: str, call: str, argument: str) -> str:
    """A line with an argument more in the first call of that name; as it was if the call has it, or ends elsewhere."""
    import re2

    from ...re2_options import re2_options

    found = re2.compile(rf"(?:{call})\(", re2_options()).search(line)
    if found is None or not argument or re.search(rf"\b{re.escape(argument.partition('=')[0])}\s*=", line):
        return line
    depth, quote = 1, ""
    for place in range(found.end(), len(line)):
        character = line[place]
        if quote:
            quote = "" if character == quote and line[place - 1] != "\\" else quote
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if not depth:
                given = line[found.end() : place].strip()
                return f"{line[:place]}{', ' if given and not given.endswith(',') else ''}{argument}{line[place:]}"
    return line


def diff(file: str, line: int, before: str, after: str) -> str:
    """One line of a file, before and after."""
    return f"--- {file}\n+++ {file}\n@@ -{line} +{line} @@\n-{before}\n+{after}"


def inserted(file: str, line: int, *texts: str) -> str:
    """Lines that are to stand in front of a line of a file."""
    added = "\n".join(f"+{text}" for text in texts)
    return f"--- {file}\n+++ {file}\n@@ -{line - 1},0 +{line}{f',{len(texts)}' if len(texts) > 1 else ''} @@\n{added}"


def _line(frame: Frame, known: Iterable[CodeFrame]) -> tuple[str, str]:
    """The frame's file, below the project's root where it lies there, and its line."""
    for code in known:
        if code.line == frame.line and names(frame.file, code.file):
            here = next((item.text for item in code.lines if item.number == frame.line), "")
            if here.strip() == frame.source.strip() or not frame.source:
                return code.file, here
    return frame.file, frame.source


def _substitute(expression: str, by: str, line: str) -> str:
    import re2

    from ...re2_options import re2_options

    compiled = re2.compile(expression, re2_options())

    def written(match: re.Match[str]) -> str:
        groups = [match[0], *match.groups()]
        return re.sub(r"\\(\d)", lambda found: groups[int(found[1])] or "" if int(found[1]) < len(groups) else "", by)

    return str(compiled.sub(written, line))
