"""Tracebacks that several processes wrote into one stream at once, piece by piece: each piece is kept once.

Python writes a traceback in pieces, and ranks that fail alike write the same ones:
`ValueErrorValueError: : no such devicesno such devices`.
"""

from __future__ import annotations

import re

from ...facts import Line

# Only where a log has such a line is anything changed; a line without one of these words need not be searched for it.
_ENDINGS = ("Error", "Exception", "Interrupt")
_GLUED_TYPES = re.compile(rf"(?<!\w)([A-Za-z_]\w{{0,99}}?(?:{'|'.join(_ENDINGS)}))\1+(?:(?:: ?){{2,}}|$)")
_REPEATED = re.compile(r"(.{3,}?)\1+")
_TYPE = re.compile(r"(?<![\w.])(?P<module>\w[\w.]{0,98}?)(?P=module)+\.{2,}(?P<name>\w{1,99}?)(?P=name)+")
_COLONS = re.compile(r"(?:: ?){2,}")
_PIECE = re.compile(r'^\s*(?:Traceback \(most recent call last\):|File "|[~^]+\s*$)')


def untangled(lines: list[Line]) -> list[Line]:
    """The lines as one of the processes wrote them, under their numbers; the same list if none is glued."""
    if not any(_glued(line.text) for line in lines):
        return lines
    result: list[Line] = []
    parted = False  # the line before was glued, so that the end of the other process's line follows it
    for line in lines:
        text = _once(line.text)
        body = text.strip()
        again = bool(result) and body == result[-1].text.strip() and (parted or bool(_PIECE.match(text)))
        if not again and (body or not parted):
            result.append(line if text == line.text else Line(line.number, text))
        parted = text != line.text or (parted and not body)
    return result


def _glued(text: str) -> bool:
    return any(ending in text for ending in _ENDINGS) and _GLUED_TYPES.search(text) is not None


def _once(text: str) -> str:
    """A line with what it says several times in a row said once."""
    body = text.strip()
    before = text[: len(text) - len(text.lstrip())]
    if whole := _REPEATED.fullmatch(body):
        return before + whole[1]
    colons = _COLONS.search(body)
    head = body[: colons.start()] if colons else body
    if name := _TYPE.fullmatch(head):
        kind = f"{name['module']}.{name['name']}"
    elif alike := _REPEATED.fullmatch(head):
        kind = alike[1]
    else:
        return text
    message = body[colons.end() :] if colons else ""
    same = _REPEATED.fullmatch(message)
    return f"{before}{kind}: {same[1] if same else message}" if message else before + kind
