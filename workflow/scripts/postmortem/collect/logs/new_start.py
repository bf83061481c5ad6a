"""Where the last of several attempts begins that wrote to the same log: what stands before it is history."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os.path import basename
from typing import TYPE_CHECKING

from ...facts import Traceback

if TYPE_CHECKING:
    from .statements import Statement

# The first words of a program, or of a job: behind a death they tell of a new start.
_START = re.compile(
    r"^(?:\[rank: 0\] )?(?:Global )?[Ss]eed set to \d|^GPU available: |^Building DAG of jobs|"
    r"^[-=#* ]*(?:job|run|training|experiment|script)\b.{0,40}\b(?:start(?:ed|ing)?|begins?)\b|"
    r"^[-=#* ]*(?:start(?:ed|ing)|begin(?:ning)?) (?:the )?(?:new )?(?:job|run|training|experiment|script|at|on)\b|"
    r"^(?:SLURM_)?JOB[_ ]ID\s*[:=]|^Running on (?:host|node)|^usage: wandb|^Number of devices: \d",
    re.I,
)
_DIGITS = re.compile(r"\d+|0x[0-9a-f]+", re.I)
FIRST_WORDS = 3  # statements at the top of a log whose return, behind a death, tells of a new start
SHORTEST_BANNER = 12  # characters; shorter lines come again by chance
_IMPORT_ERRORS = ("ModuleNotFoundError", "ImportError")
_SYNTAX_ERRORS = ("SyntaxError", "IndentationError", "TabError")
# argparse's last word: "train.py: error: unrecognized arguments: --epoch 3". The program has not begun.
_REFUSED_TO_START = re.compile(r"^(?P<script>[\w./-]+\.py): error: ")


def new_start(statements: Sequence[Statement]) -> int:
    """The index at which the log's last attempt begins; 0 where nothing tells of more than one.

    A program that was started again says its first words again, gets beyond the line at which it died of an import, or
    runs at all although its arguments or its syntax had been refused. Only behind a death: ranks say their words side
    by side.
    """
    from .statements import EXCEPTION  # which imports this module

    banner = [s for s in statements[:FIRST_WORDS] if len(s.text) >= SHORTEST_BANNER and s.kind != EXCEPTION]
    first = {_shape(statement.text) for statement in banner}
    died = False
    start = 0
    last: tuple[int, Traceback] | None = None  # the last death, with the index behind it
    refused: tuple[int, str] | None = None  # the last script that took no arguments such as these, likewise
    for index, statement in enumerate(statements):
        if statement.traceback and not statement.traceback.nested and not statement.traceback.logged:
            if last and statement.traceback is not last[1] and _gets_further(last[1], statement.traceback):
                start = last[0]
            if refused and refused[0] > start and script_of(statement.traceback) == refused[1]:
                start = refused[0]
            died = died or not statement.teardown
            last = (index + 1, statement.traceback)
        elif (
            died
            and statement.kind != EXCEPTION
            and (_START.match(statement.text) or (index >= FIRST_WORDS and _shape(statement.text) in first))
        ):
            start, died = index, False
        elif script := script_that_refused(statement.text):
            died, refused = True, (index + 1, script)
    return start


def script_that_refused(text: str) -> str:
    """The name of the script whose argparse says here that it does not take its arguments; empty where none does."""
    refusal = _REFUSED_TO_START.match(text)
    return basename(refusal["script"]) if refusal else ""


def script_of(traceback: Traceback) -> str:
    """The name of the script that was running, as its traceback begins; empty for launchers and for what was logged."""
    frames = traceback.exceptions[-1].frames if not traceback.logged else []
    return basename(frames[0].file) if frames and frames[0].own else ""


def _shape(text: str) -> str:
    return _DIGITS.sub("0", text)


def _gets_further(first: Traceback, second: Traceback) -> bool:
    """Whether the second is of another process: the first died of an import, at an earlier line of the same script.

    Or of that script's own syntax, of which nothing runs.
    """
    if first.rank != second.rank or not first.exceptions[-1].type.endswith((*_IMPORT_ERRORS, *_SYNTAX_ERRORS)):
        return False
    a, b = first.exceptions[-1].frames, second.exceptions[-1].frames
    if first.exceptions[-1].type.endswith(_SYNTAX_ERRORS) and len(a) == 1:
        return bool(a[0].own and b and a[0].file == b[0].file and not a[0].function)
    if not a or not b or a[0].file != b[0].file or {a[0].function, b[0].function} != {"<module>"}:
        return False
    return bool(a[0].own and a[0].line and b[0].line and a[0].line < b[0].line)
