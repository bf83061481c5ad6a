"""Fixes with values and commands computed from the evidence."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...facts import RaisedException, RunFacts
from ..findings import FATAL, GENERIC, HINT, Fix
from ..resolve import Judgement
from .acting import acts, left_open, only_looks
from .own_code import at_own_code
from .repairs import repair
from .run_again import as_the_workflow_ran_it, rerun
from .shell import argument

STANDS_FROM = 0.5  # confidence from which a finding beside the root says what to set
_MOVED = re.compile(r"(?:^|[;&|]\s*)(?:rm|mv)(?: -\w+)* (?P<path>\S+)")
CONTEXT_LINES = 15  # shown by the commands that say where to read on


def half(number: Any) -> int | str:
    """Half of a number, rounded down to a power of two (batch sizes), at least 1; empty if it is no number."""
    try:
        value = float(number)
    except (TypeError, ValueError):  # what was not observed raises TypeError
        return ""
    if not math.isfinite(value):
        return ""
    return 2 ** max(0, math.floor(math.log2(value / 2))) if value >= 2 else 1


def read_on(path: str, line: int | None) -> Fix:
    """Where to read next, when there is nothing better to do."""
    if not line:
        return Fix(f"Read {path} from its end.", f"tail -n 40 {argument(path)}", None, path)
    first = max(1, line - CONTEXT_LINES)
    return Fix(
        f"Read {path} around line {line}.",
        f"sed -n '{first},{line + CONTEXT_LINES}p' {argument(path)}",
        None,
        path,
        line,
    )


# Ends that others decide on: a person, the scheduler, the kernel.
_ENDED_FROM_OUTSIDE = ("slurm.cancelled", "slurm.timeout", "slurm.preempted", "run.interrupted", "host.killed")
_SHOW_CODE = ("code.", "model.", "training.", "data.", "config.", "gpu.", "distributed.", "unknown")
_PATH = re.compile(r"(?<![\w/.])(?:[\w.~-]*/)+[\w.-]+\.[A-Za-z]\w{0,9}\b|(?<=[\'\"])/?(?:[\w.-]+/)+[\w.-]+(?=[\'\"])")
_LIBRARY_PATH = re.compile(r"site-packages|/lib/python|\.py$|^https?:")
_MISSING = ("data.missing", "model.checkpoint_missing", "io.permission")
_SETTINGS = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg")
_TO_FILE = {
    "data.missing": "Make or restore {}.",
    "model.checkpoint_missing": "Make or restore {}: train the stage that writes it.",
    "model.checkpoint_corrupt": "Remove {} and make it again.",
    "config.invalid": "Correct {} or restore it.",
    "io.permission": "Look at the owner and the permissions of {}.",
}


def fixes(
    facts: RunFacts,
    root: Judgement | None,
    others: Sequence[Judgement],
    raised: RaisedException | None,
    evidence: list[dict[str, Any]],
) -> list[Fix]:
    """What is to be done, most specific first: the finding's own fixes, the file it names, the code, running again.

    others: the other judgements; those of the same cause may have computed what the root's own words leave open.
    """
    found = _together(root, others) if root else []
    mended = repair(facts, root, raised, sure_only=bool(found and acts(found[0])))
    if root and root.id in _ENDED_FROM_OUTSIDE:
        found[1:1] = _of_what_it_said_before(root, others)
    if root and not any(fix.file for fix in found):
        found += _named_file(facts, root)
    if root and raised and root.id.startswith(_SHOW_CODE):
        found = at_own_code(facts, root, raised, found)
    if mended:
        _with_its_command(mended, facts)
        # What only names the place that is edited says nothing more, nor does the check that refused a value.
        settled = bool(mended.config) and root is not None and root.id == "config.invalid"
        acting = [fix for fix in found if fix.command or fix.config or (fix.line != mended.line and not settled)]
        found = [mended, *acting]
    if not any(fix.command or fix.config or fix.file for fix in found):
        logs = {log.source.path: log for log in facts.logs}
        place = next((item for item in evidence if item["source"] in logs), None)
        if place:
            found.append(read_on(place["source"], place["line"]))
        elif log := next((log for log in facts.logs if log.size), None):
            found.append(read_on(log.source.path, None))
    found = _what_is_in_the_way_first(_without_repeats(found), root, others)
    again = rerun(facts) if root and root.upstream_run is None else ""
    runs_it = [fix for fix in found if fix.command and (again in fix.command or f" {facts.directory}/" in fix.command)]
    if again and not any(acts(fix) for fix in runs_it):
        found.append(Fix("Once that is done, run this stage again.", again))
    return found or [Fix("Nothing was left to read: run it again with its output kept in a file.")]


def _with_its_command(fix: Fix, facts: RunFacts) -> None:
    """Give a fix that sets values the command that runs the stage with them."""
    if fix.command or not fix.config:
        return
    fix.command = rerun(facts, fix.config) or None
    if fix.command is None and (given := as_the_workflow_ran_it(facts, fix.config)):
        fix.text += (
            f" The workflow gave the old value in the command of rule {given.rule} ({given.log}): correct it where the "
            "workflow takes it from, too, or its next run is the same."
        )
        fix.command = given.command


def _without_repeats(found: list[Fix]) -> list[Fix]:
    """Without those that set what an earlier one sets, or move what it moves: to paste both would undo or repeat it."""
    kept: list[Fix] = []
    for fix in found:
        keys, paths = set(fix.config or ()), set(_MOVED.findall(fix.command or ""))
        if not any(
            (keys and keys <= set(before.config or ()))
            or (paths and paths <= set(_MOVED.findall(before.command or "")))
            # The same command without the values that the first fix sets fails as it did.
            or (fix.command and before.config and (before.command or "").startswith(fix.command))
            for before in kept
        ):
            kept.append(fix)
    return kept


def _what_is_in_the_way_first(found: list[Fix], root: Judgement | None, others: Sequence[Judgement]) -> list[Fix]:
    """The fixes, the first of which also takes away what would stop the next run: a cache of other widths."""
    first = found[0] if found else None
    if first is None or not first.command or not acts(first):
        return found
    ahead = [o for o in others if o is not root and o.explained_by is None and o.finding.clears and o.role == FATAL]
    for other in ahead:
        if other.confidence >= STANDS_FROM and other.finding.clears not in first.command:
            text = f"{first.text} The command first clears away what would stop it next. {other.explanation}"
            return [replace(first, text=text, command=f"{other.finding.clears} && {first.command}"), *found[1:]]
    return found


def _together(root: Judgement, others: Sequence[Judgement]) -> list[Fix]:
    """The root's fixes. Where its first one is only words, what was computed of the same cause from other facts comes
    before it; where it only looks, any that acts does."""
    found = list(root.fixes)
    if found and acts(found[0]):
        return found
    same = [other for other in others if other is not root and _mends(other, root) and other.role != HINT]
    computed = [fix for other in same if not other.position.line for fix in other.fixes[:1]]
    first = next((fix for fix in computed if acts(fix)), None)
    if first is None and (not found or only_looks(found[0]) or left_open(found[0])):
        first = next((fix for fix in (*(fix for other in same for fix in other.fixes), *found) if acts(fix)), None)
    return [first, *(fix for fix in found if fix is not first)] if first else found


def _of_what_it_said_before(root: Judgement, others: Sequence[Judgement]) -> list[Fix]:
    """The remedy of a failure that a run had reported before somebody ended it: it may be why."""
    for other in others:
        before = other.position.log != root.position.log or other.position.line < root.position.line
        if other.id not in _ENDED_FROM_OUTSIDE and other.role in (FATAL, GENERIC) and other.position.line and before:
            said = other.evidence[0]
            first = other.fixes[0] if other.fixes else Fix(said.text, None, None, said.source, said.line)
            return [replace(first, text=f"If it was ended for what it had said before, repair that: {first.text}")]
    return []


def _mends(other: Judgement, root: Judgement) -> bool:
    """Whether what another finding computed is for the root too: it is of the same cause, or of what spoils training.

    A log that tells of NaN is the cause by its own name; the learning rate that made it stands in the configuration.
    """
    if other.id == root.id:
        return True
    absurd = other.id.startswith("config.") and other.role == FATAL and other.confidence >= STANDS_FROM
    return absurd and root.id in ("training.nan_loss", "training.divergence") and not other.position.line


def _named_file(facts: RunFacts, root: Judgement) -> list[Fix]:
    """The file that the root's own words name: one of the project's runs or settings, or the one that is missing."""
    words = root.evidence[0].text if root.evidence else ""
    experiments = facts.directory.rsplit("/", 2)[0]
    for path in _PATH.findall(words):
        below = f"/{path}".find(f"/{experiments}/")
        if below >= 0:
            path = path[below:].lstrip("/")
        elif root.id not in _MISSING and not path.endswith(_SETTINGS):
            continue
        if root.id in _TO_FILE and not _LIBRARY_PATH.search(path):
            return [Fix(_TO_FILE[root.id].format(path), None, None, path)]
    return []
