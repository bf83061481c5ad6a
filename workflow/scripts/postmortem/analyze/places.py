"""Where in the project's own code something came to light that a line of a log reports, and no exception."""

from __future__ import annotations

import re

from ..collect.logs.statements import Statement
from ..collect.logs.traceback import is_own
from ..facts import Frame
from .exceptions.classify import last_own_frame

# Python's fault handler: the innermost frame stands first, and no comma before "in".
_CRASHED_THREAD = re.compile(r"^(?:Current thread 0x|Stack \(most recent call first\))")
_STACK_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d{1,7}) in (?P<function>\S+)')


def surfaced(statement: Statement | None) -> Frame:
    """The project's own line at which the first exception behind a statement was raised; empty where there is none.

    What the device or a child process reports in a line of its own comes to light there.
    """
    for traceback in statement.log.tracebacks if statement else []:
        if statement and traceback.first_line > statement.line:
            frame = next((own for raised in traceback.exceptions if (own := last_own_frame(raised))), None)
            if frame:
                return frame
    return Frame("", None, "")


def crashed(statement: Statement | None) -> Frame | None:
    """The project's own innermost frame in the stack that Python's fault handler printed below "Fatal Python error"."""
    if statement is None or not statement.text.startswith("Fatal Python error"):
        return None
    of_thread = False
    for line in statement.log.lines:
        if line.number <= statement.line:
            continue
        if found := _STACK_FRAME.match(line.text):
            if of_thread and is_own(found["file"]):
                return Frame(found["file"], int(found["line"]), found["function"], "", line.number, True)
        elif line.text.strip():
            of_thread = bool(_CRASHED_THREAD.match(line.text))
    return None
