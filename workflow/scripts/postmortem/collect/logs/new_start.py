"""Where the last of several attempts begins that wrote to the same log: what stands before it is history."""

from __future__ import annotations

import re
from collections.abc import Sequence
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


def new_start(statements: Sequence[Statement]) -> int:
    """The index at which the log's last attempt begins; 0 where nothing tells of more than one.

    A program that was started again says its first words again, or gets beyond the line at which it died of an import.
    Only behind a death: ranks say their words side by side.
    """
    from .statements import EXCEPTION  # which imports this module

    banner = [s for s in statements[:FIRST_WORDS] if len(s.text) >= SHORTEST_BANNER and s.kind != EXCEPTION]
    first = {_shape(statement.text) for statement in banner}
    died = False
    start = 0
    last: tuple[int, Traceback] | None = None  # the last death, with the index behind it
    for index, statement in enumerate(statements):
        if statement.traceback and not statement.traceback.nested and not statement.traceback.logged:
            if last and statement.traceback is not last[1] and _gets_further(last[1], statement.traceback):
                start = last[0]
            died = died or not statement.teardown
            last = (index + 1, statement.traceback)
        elif (
            died
            and statement.kind != EXCEPTION
            and (_START.match(statement.text) or (index >= FIRST_WORDS and _shape(statement.text) in first))
        ):
            start, died = index, False
    return start


def _shape(text: str) -> str:
    return _DIGITS.sub("0", text)


def _gets_further(first: Traceback, second: Traceback) -> bool:
    """Whether the second is of another process: the first died of an import, at an earlier line of the same script."""
    if first.rank != second.rank or not first.exceptions[-1].type.endswith(_IMPORT_ERRORS):
        return False
    a, b = first.exceptions[-1].frames, second.exceptions[-1].frames
    if not a or not b or a[0].file != b[0].file or {a[0].function, b[0].function} != {"<module>"}:
        return False
    return bool(a[0].own and a[0].line and b[0].line and a[0].line < b[0].line)
