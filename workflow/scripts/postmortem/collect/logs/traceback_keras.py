"""What Keras says of the user's code: a traceback inside the message of the exception, "in user code:"."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...facts import Frame, RaisedException

_FRAME = re.compile(r'^File "(?P<file>[^"]+)", line (?P<line>\d{1,9}), in (?P<function>[^\s*]+)')
_EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][\w.]*(?:Error|Exception)): (?P<message>.+)$")
KERAS_WORDS = "in user code:"
_CALLED_FROM = "Exception encountered when calling"


def unwrap(raised: RaisedException, lines: list[tuple[int, str]], is_own: Callable[[str], bool]) -> None:
    """Put the frames of the user's code behind those of the traceback, and what was raised there in its place.

    lines: of the message, with their numbers in the log.
    """
    for number, text in lines:
        stripped = text.strip()
        if found := _FRAME.match(stripped):
            file = found["file"]
            raised.frames.append(Frame(file, int(found["line"]), found["function"], "", number, is_own(file)))
        elif (found := _EXCEPTION.match(stripped)) and not found["message"].startswith(_CALLED_FROM):
            raised.type, raised.message = found["type"], found["message"]
            raised.line = raised.last_line = number
        elif raised.frames and raised.frames[-1].log_line == number - 1 and not raised.frames[-1].source:
            raised.frames[-1].source = stripped
