"""Where a mistake stands in a Snakefile: the place that Snakemake names, and the rule around it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ....facts import Script
from ....paths import names
from ...findings import Fix
from ..code import diff
from .case import Case

RULE_START = re.compile(r"^\s*(?:rule|checkpoint)\s+(?P<name>\w+)\s*:")
_NEXT_BLOCK = re.compile(r"^(?:rule|checkpoint|use|module|onsuccess|onerror|localrules|def|if|else|for)\b|^\w+\s*=")
_PLACE = re.compile(r"in (?:rule \w+ in )?file \"?(?P<file>[^\"\n]+?)\"?, line (?P<line>\d+)")


def snakefiles(case: Case) -> list[Script]:
    return [s for s in case.facts.scripts if s.file.endswith(".smk") or PurePosixPath(s.file).name == "Snakefile"]


def placed(case: Case) -> tuple[Script, int] | None:
    """The Snakefile and line that the message names."""
    found = _PLACE.search(case.said)
    if not found:
        return None
    files = [s for s in snakefiles(case) if names(found["file"], s.file)]
    return (files[0], int(found["line"])) if files and int(found["line"]) <= len(files[0].lines) else None


def rule_of(case: Case) -> tuple[Script, range] | None:
    """The lines, from 1, of the rule that the message places: from its head to the next block."""
    at = placed(case)
    if at is None:
        return None
    script, line = at
    heads = [number for number in range(line, 0, -1) if RULE_START.match(script.lines[number - 1])]
    first = heads[0] if heads else line
    after = (n for n in range(first + 1, len(script.lines) + 1) if _NEXT_BLOCK.match(script.lines[n - 1]))
    return script, range(first, next(after, len(script.lines) + 1))


def edited_in_rule(case: Case, wrong: str, right: str, text: str) -> Fix | None:
    """The lines of the rule that hold exactly `wrong`, each with `right` in its place; None where none does."""
    rule = rule_of(case)
    if rule is None:
        return None
    script, lines = rule
    held = [number for number in lines if wrong in script.lines[number - 1]]
    if len(held) != 1:
        return None
    line = script.lines[held[0] - 1]
    changed = diff(script.file, held[0], line, line.replace(wrong, right))
    return Fix(f"{text} ({script.file}:{held[0]}).", None, None, script.file, held[0], changed)


def edited_in_command(case: Case, wrong: str, right: str, text: str) -> Fix | None:
    """As _in_rule, in the rule's command only: its paths have wildcards by their bare name."""
    rule = rule_of(case)
    if rule is None:
        return None
    script, lines = rule
    begin = next((n for n in lines if re.match(r"\s*(?:shell|message)\s*:", script.lines[n - 1])), None)
    held = [n for n in lines if begin and n >= begin and wrong in script.lines[n - 1]]
    if len(held) != 1:
        return None
    line = script.lines[held[0] - 1]
    changed = diff(script.file, held[0], line, line.replace(wrong, right))
    return Fix(f"{text} ({script.file}:{held[0]}).", None, None, script.file, held[0], changed)


def rewritten(script: Script, number: int, changed: str, text: str) -> Fix | None:
    """A line of a Snakefile written otherwise; None if it is as it was."""
    line = script.lines[number - 1]
    if changed == line:
        return None
    return Fix(
        f"{text} ({script.file}:{number}).", None, None, script.file, number, diff(script.file, number, line, changed)
    )
