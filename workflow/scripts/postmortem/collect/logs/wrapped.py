"""Lines of a traceback that something broke on their way: a console of fixed width, or a launcher's buffer."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from ...facts import Line
from ...log_prefix import strip_prefix

MOST_PIECES = 12  # that one line is put together from
LEAST_BROKEN = 2  # frames that break at the same width, before the width of a console is believed
# The beginning of a frame that does not end, and the whole.
_BROKEN = re.compile(r'^\s+(?:F|Fi|Fil|File|File |File "[^"]*|File "[^"]*",?(?: (?:l|li|lin|line|line \d*)?)?)$')
_FRAME = re.compile(r'^\s*File "[^"]+", line \d+(?:, in .+)?$')
_ENDS = (" F", " Fi", " Fil", " File", " File ", "Error", "Exception", "Interrupt")
_BARE_TYPE = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)$")


def joined(lines: list[Line]) -> list[Line]:
    """The lines with broken frames and exceptions in one piece, each under the number of its first; same if none is."""
    width = _width(lines)
    result: list[Line] = []
    i = 0
    while i < len(lines):
        text, after = lines[i].text, i + 1
        while (
            after < len(lines)
            and after - i < MOST_PIECES
            and _goes_on(lines[after - 1].text, text, lines[after], width)
        ):
            text += strip_prefix(lines[after].text).body if _label(text) else lines[after].text
            after += 1
        result.append(Line(lines[i].number, text) if after > i + 1 else lines[i])
        i = after
    return result


def _label(text: str) -> str:
    return strip_prefix(text).label


def _goes_on(piece: str, text: str, following: Line, width: int) -> bool:
    """Whether the line that ends in this piece was broken there: the next one is its rest."""
    if width and len(piece) == width and not _label(piece):
        return True
    if 'File "' not in text and not text.endswith(_ENDS):
        return False
    before, after = strip_prefix(text), strip_prefix(following.text)
    if not before.label or before.label != after.label:
        return False
    if _BROKEN.match(f"  {before.body.lstrip()}"):
        return bool(_FRAME.match(before.body + after.body))
    return bool(_BARE_TYPE.match(before.body)) and after.body.startswith(": ")


def _width(lines: list[Line]) -> int:
    """The width of the console that broke the log's lines; 0 if none did."""
    broken: Counter[int] = Counter()
    for line, following in pairwise(lines):
        if 'File "' in line.text and _BROKEN.match(line.text) and _FRAME.match(line.text + following.text):
            broken[len(line.text)] += 1
    (width, count) = broken.most_common(1)[0] if broken else (0, 0)
    return width if count >= LEAST_BROKEN else 0
