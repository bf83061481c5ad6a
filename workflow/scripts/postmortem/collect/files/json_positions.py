"""JSON text → every scalar and list in it with its dotted path and the line where its key stands."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

LARGEST_TEXT = 16 * 1024 * 1024  # bytes; configs and metrics are kilobytes, more is not worth the time
LONGEST_LINE, SHOWN = 2000, 200  # characters of a line that is shown whole, and of a longer one
DEEPEST = 20  # levels of objects that are followed; real ones have five


@dataclass
class Entry:
    """A value that is no object: dotted path, the value, the line (from 1) of its key and that line's text.

    Of a long line the text is what begins with the key: `json.dump` writes a whole file on one.
    """

    path: str
    value: Any
    line: int
    text: str


class InvalidJson(ValueError):
    """The text is no JSON: why, and at which line and column."""


def entries(text: str) -> list[Entry]:
    """All values of a JSON object that are no objects themselves, in the order of the text. Raises InvalidJson."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        shown = (
            "it ends there"
            if error.pos >= len(text.rstrip())
            else f"after {text[max(0, error.pos - 20) : error.pos]!r}"
        )
        raise InvalidJson(
            f"{error.msg}: line {error.lineno} column {error.colno} (char {error.pos}), {shown}"
        ) from error
    except RecursionError as error:
        raise InvalidJson("nested too deeply") from error
    if not isinstance(whole, dict):
        raise InvalidJson(f"a JSON object is expected, this is a {type(whole).__name__}")
    starts = [0, *(i + 1 for i, character in enumerate(text) if character == "\n")]
    lines = text.split("\n")
    return [
        Entry(path, value, line := bisect_right(starts, position), _shown(lines[line - 1], position - starts[line - 1]))
        for path, value, position in _walk(text, text.index("{"), "", 0)
    ]


def _shown(line: str, column: int) -> str:
    return (line if len(line) <= LONGEST_LINE else line[column : column + SHOWN]).strip("\r")


def _walk(text: str, position: int, prefix: str, depth: int) -> Iterator[tuple[str, Any, int]]:
    """Yield (path, value, position of the key) below the object that starts at `position` of valid JSON."""
    decode = json.JSONDecoder().raw_decode
    position = _skip(text, position + 1)
    while text[position] != "}":
        key_position = position
        key, position = scanstring(text, position + 1)
        position = _skip(text, text.index(":", position) + 1)
        path = f"{prefix}{key}"
        value, end = decode(text, position)
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _walk(text, position, f"{path}.", depth + 1)
        else:
            yield path, value, key_position
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position


def storable(value: Any) -> Any:
    """NaN and infinities are no JSON numbers: facts.json carries them as the strings "nan", "inf" and "-inf"."""
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return "nan" if value != value else "inf" if value > 0 else "-inf"
    return value
