"""Where a rule stands: the Snakefile and line that Snakemake names beside what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...collect.logs.statements import Statement

LINES_BEFORE = 4  # "RuleException in rule x in file …, line 3:" stands above its message
LINES_AFTER = 6
# From the beginning of a word on: so a long line is gone through once.
_PLACE = re.compile(
    r"(?<![^\s\"'])(?P<file>[^\s\"']{0,500}(?:Snakefile\w{0,40}|\.smk))[\"']?, line (?P<line>\d{1,7})\b"
)
_PLACE_BEFORE_7 = re.compile(r"(?:Exception|Error) in line (?P<line>\d{1,7}) of (?P<file>\S{1,500}?):?(?:\s|$)")


@dataclass(frozen=True)
class RulePlace:
    """A place in a Snakefile, as a log names it."""

    file: str
    line: int


def place_of_rule(statement: Statement) -> RulePlace | None:
    """The place that the statement names, else the nearest one above it, else below it; None if there is none."""
    number = statement.line
    near = {line.number: line.text for line in statement.log.lines if abs(line.number - number) <= LINES_AFTER}
    numbers = [*range(number, number - LINES_BEFORE - 1, -1), *range(number + 1, number + LINES_AFTER + 1)]
    for text in (statement.text, *(near.get(each, "") for each in numbers)):
        if found := _PLACE.search(text[:2000]) or _PLACE_BEFORE_7.search(text[:2000]):
            return RulePlace(found["file"], int(found["line"]))
    return None
