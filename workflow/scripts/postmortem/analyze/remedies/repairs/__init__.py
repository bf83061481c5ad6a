"""Edits, values and commands for mistakes of which both is known: what is wrong and where, and what was meant.

A module per room in which the mistake is mended. Each has REPAIRS: functions that take a `Case` and give a `Fix`, or
None. The first that knows what to do is the fix.
"""

from __future__ import annotations

from ....facts import RaisedException, RunFacts
from ...findings import Fix
from ...resolve import Judgement
from . import files, launching, names, settings, workflow
from .case import Case

_ROOMS = (names, settings, files, launching, workflow)
_SURE = (names.replaced_by_its_package, launching.module, files.interpreter_of_a_script)


def repair(
    facts: RunFacts, root: Judgement | None, raised: RaisedException | None, sure_only: bool = False
) -> Fix | None:
    """What mends the run for sure enough to be pasted; None where nothing that was read tells it.

    sure_only: only what comes before a fix that acts as well, for it saw the very thing that is wrong.
    """
    case = Case(facts, root, raised)
    finders = _SURE if sure_only else [find for room in _ROOMS for find in room.REPAIRS]
    return next((fix for find in finders if (fix := find(case))), None)
