"""Tracebacks that are drawn instead of printed: the boxes of rich (Typer, Lightning) and those of IPython notebooks."""

from __future__ import annotations

import re
from pathlib import Path

from ...facts import Frame, Line, RaisedException, Traceback
from ...log_prefix import strip_prefix
from .traceback import is_own, looks_like_exception, parse_tracebacks

MAX_LINES = 600  # of one exception, drawn
MESSAGE_LINES = 12
WRAPPED = 6  # a line that comes so near to the box's width was broken by it

_WORDS = "Traceback (most recent call last)"
_BOX = re.compile(r"^\s*[╭┌+][─━-]{2,} ?Traceback \(most recent call last\) ?[─━-]{2,}")
_BOX_END = re.compile(r"^\s*(?:[╰└]|\+--)")
_BOX_FRAME = re.compile(r"^(?P<file>\S[^│❱]{0,300}?):(?P<line>\d{1,7})(?: in (?P<function>.{1,200}))?$")
_BOX_SOURCE = re.compile(r"^[❱>] +(?P<line>\d{1,7}) (?P<source>.*)$")
_FILE = re.compile(r"\.(?:pyx?|ipynb|pxi)$|^<[^>]*>$|ipykernel_\d+")
_IPYTHON = re.compile(r"^(?P<type>[A-Za-z_][\w.]{1,80}) {2,}Traceback \(most recent call last\)$")
_LOWER_CASE = {"error"}  # of OpenCV, zlib and struct
_CELL = re.compile(r"^(?P<file><ipython-input-[\w-]{1,60}>) in (?P<function>.{1,200})$")
_CELL_NEW = re.compile(
    r"^(?P<file>(?:Cell|Input) In ?\[\d{1,6}\]), (?:line (?P<line>\d{1,7})|in )(?:, in )?(?P<function>.{0,200})$"
)
_MODULE = re.compile(
    r"^(?:File )?(?P<file>[~/.<\w\\][^\s:]{0,300}(?::\\[^\s:]{1,300})?)(?::(?P<line>\d{1,7}))?,? in "
    r"(?P<function>.{1,200})$"
)
_ARROW = re.compile(r"^-{1,8}> (?:\[)?(?P<line>\d{1,7})\]?(?P<source>.*)$")
_CHAIN = {
    "The above exception was the direct cause of the following exception:": "cause",
    "During handling of the above exception, another exception occurred:": "context",
}


def all_tracebacks(lines: list[Line], project_root: Path | None = None) -> list[Traceback]:
    """The drawn tracebacks of a log and, among its other lines, the printed ones. In order of their first line."""
    drawn, taken = _drawn(lines, project_root)
    printed = parse_tracebacks([line for line in lines if line.number not in taken] if taken else lines, project_root)
    return sorted([*drawn, *printed], key=lambda t: t.first_line) if drawn else printed


def _drawn(lines: list[Line], root: Path | None) -> tuple[list[Traceback], set[int]]:
    found: list[Traceback] = []
    taken: set[int] = set()
    i = 0
    while i < len(lines):
        if _WORDS in lines[i].text and (chain := _chain(lines, i, root)):
            traceback, after = chain
            found.append(traceback)
            taken.update(line.number for line in lines[i:after])
            i = after
        else:
            i += 1
    return found, taken


def _chain(lines: list[Line], start: int, root: Path | None) -> tuple[Traceback, int] | None:
    exceptions: list[RaisedException] = []
    i = start
    while parsed := _exception(lines, i, root):
        raised, after = parsed
        exceptions.append(raised)
        following = _skip_blank(lines, after)
        relation = _CHAIN.get(_text(lines, following).strip()) if following < len(lines) else None
        if relation is None:
            break
        i = _skip_blank(lines, following + 1)
        if i >= len(lines) or _WORDS not in lines[i].text:
            break
        raised.leads_to = relation
    if not exceptions:
        return None
    exceptions[-1].leads_to = ""
    rank = strip_prefix(lines[start].text).rank
    cut_off = exceptions[-1].line == 0
    return Traceback(exceptions, lines[start].number, lines[after - 1].number, rank, cut_off=cut_off), after


def _exception(lines: list[Line], i: int, root: Path | None) -> tuple[RaisedException, int] | None:
    header = _text(lines, i)
    if _BOX.match(header):
        return _box(lines, i, len(header.rstrip()), root)
    match = _IPYTHON.match(header.strip())
    if match and (looks_like_exception(match["type"]) or match["type"] in _LOWER_CASE):
        return _notebook(lines, i, match["type"], root)
    return None


def _box(lines: list[Line], start: int, width: int, root: Path | None) -> tuple[RaisedException, int] | None:
    """Frames inside the box, "Type: message" below it."""
    raised = RaisedException("", "")
    pending = ""  # a path that the box broke over two lines
    i = start + 1
    while i < len(lines) and i - start < MAX_LINES and not _BOX_END.match(_text(lines, i)):
        inner = _text(lines, i).strip()
        if _WORDS in inner:
            return None
        inner = inner[1:].removesuffix("│").removesuffix("|").strip() if inner[:1] in ("│", "|", "┃") else ""
        raised.source_lines.append(lines[i].number)
        if match := _BOX_SOURCE.match(inner):
            if raised.frames:
                raised.frames[-1].source = match["source"].replace("│", " ").strip()
        elif inner[:3] == "in " and raised.frames and not raised.frames[-1].function:
            raised.frames[-1].function = inner[3:].strip()
        elif (match := _BOX_FRAME.match(pending + inner)) and _FILE.search(match["file"]):
            file = match["file"]
            raised.frames.append(
                Frame(file, int(match["line"]), match["function"] or "", "", lines[i].number, is_own(file, root))
            )
            pending = ""
            i += 1
            continue
        pending = inner if inner[:1] in ("/", "~") and " " not in inner else ""
        i += 1
    if i >= len(lines) or not raised.frames:
        return None
    raised.source_lines.append(lines[i].number)
    i = _skip_blank(lines, i + 1)
    if i >= len(lines) or not looks_like_exception(_text(lines, i).strip()):
        return raised, i
    return raised, _message(lines, i, raised, width)


def _notebook(lines: list[Line], start: int, name: str, root: Path | None) -> tuple[RaisedException, int] | None:
    """Frames "file in function" and arrows, then the type of the header again with its message."""
    raised = RaisedException("", "")
    end = re.compile(rf"^(?:[\w.]+\.)?{re.escape(name.rsplit('.', 1)[-1])}(?::|$)")
    for i in range(start + 1, min(len(lines), start + MAX_LINES)):
        text = _text(lines, i).rstrip()
        if _WORDS in text:
            return None
        if end.match(text) and not _ARROW.match(text):
            return (raised, _message(lines, i, raised, 0)) if raised.frames else None
        raised.source_lines.append(lines[i].number)
        if match := _ARROW.match(text):
            if raised.frames:
                frame = raised.frames[-1]
                frame.source, frame.line = match["source"].strip(), int(match["line"])
        elif match := _CELL.match(text) or _CELL_NEW.match(text) or _MODULE.match(text):
            groups = match.groupdict()
            cell = groups["file"].startswith(("<ipython-input", "Cell", "Input"))
            line = int(groups["line"]) if groups.get("line") else None
            own = cell or is_own(groups["file"], root)
            raised.frames.append(Frame(groups["file"], line, groups["function"], "", lines[i].number, own))
    return None


def _message(lines: list[Line], i: int, raised: RaisedException, width: int) -> int:
    """Take "Type: message" and the further lines of the message. Returns the index after them."""
    kind, _, message = _text(lines, i).strip().partition(":")
    raised.type, raised.message = kind, message.strip()
    raised.line = raised.last_line = lines[i].number
    previous = len(_text(lines, i).rstrip())
    after = i + 1
    while after < len(lines) and after - i < MESSAGE_LINES:
        text = _text(lines, after)
        broken = width > 0 and previous >= width - WRAPPED - len(text.split(" ", 1)[0])
        if not text.strip() or _WORDS in text or text.strip() in _CHAIN or not (broken or text[:1] == " "):
            break
        raised.message += (" " if broken else "\n") + text.strip()
        raised.last_line = lines[after].number
        previous = len(text.rstrip())
        after += 1
    return after


def _text(lines: list[Line], i: int) -> str:
    return strip_prefix(lines[i].text).body


def _skip_blank(lines: list[Line], i: int) -> int:
    while i < len(lines) and not _text(lines, i).strip():
        i += 1
    return i
