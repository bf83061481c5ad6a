"""Whether the run failed, and which judgement, if any, is named as its root cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..collect.logs.statements import PROGRESS, Statement
from ..facts import RunFacts
from .findings import FATAL, HINT, WRAPPER
from .resolve import NAMED_FROM, Judgement, deciding

# Without any record of the run's state, a log alone must be this sure before a run is called failed.
FAILED_BY_LOG_ALONE = 0.6
# A finding from facts beyond the log must be this sure before a run that ended well is called suspect.
SUSPECT_FROM = 0.5
# Statements of launchers, trackers and the shell after the last words of a dying program; a longer end than this, and
# than twice the log before it, is another program's work.
LONGEST_END = 200
# The same after what a shell complains of: it goes on with the next command, and what that says is the run.
LAST_WORDS = 3


@dataclass(frozen=True)
class Verdict:
    """status: as the contract has it. root: what is named, None where nothing is sure enough. why: in words."""

    status: str
    root: Judgement | None
    why: str


def verdict(facts: RunFacts, judgements: Sequence[Judgement], statements: Sequence[Statement]) -> Verdict:
    """The status of the diagnosis and its root cause. judgements: in the resolver's order. statements: of all logs."""
    candidates = [j for j in judgements if j.explained_by is None and j.role != WRAPPER]
    beyond = [j for j in candidates if j.role == FATAL and not j.position.line and j.confidence >= SUSPECT_FROM]
    if facts.state == "running":
        return Verdict("running", None, "the run has not ended")
    if facts.state in ("suspect", "complete"):
        if beyond:
            return Verdict("suspect", beyond[0], "the run ended well, but this was found beyond its log")
        if facts.state == "suspect" and facts.reasons and candidates:
            return Verdict("suspect", None, "there is reason for doubt, but nothing found is sure enough")
        return Verdict("ok", None, "the run ended well, and nothing found says otherwise")
    named = next((j for j in candidates if j.confidence >= NAMED_FROM and j.role != HINT), None)
    if facts.state == "failed":
        root = named or next((j for j in candidates if j.confidence >= NAMED_FROM), None)
        return Verdict("failed", root, _why(root, candidates))
    if named and _ended_by(named, statements):
        return Verdict("failed", named, f"nobody recorded how the run ended, but its log shows that this ended it; "
                       f"{_why(named, candidates)}")  # fmt: skip
    if beyond:
        return Verdict("suspect", beyond[0], "nobody recorded how the run ended, but this was found beyond its log")
    return Verdict("ok", None, "nobody recorded how the run ended, and nothing found ended it")


def _why(root: Judgement | None, candidates: Sequence[Judgement]) -> str:
    """Why this one of the candidates: what sets it apart from the next."""
    if root is None:
        weak = [f"{j.id} ({j.confidence:.2f})" for j in candidates]
        return f"none is as sure as {NAMED_FROM}: {', '.join(weak)}" if weak else "nothing was found"
    passed_over = [j for j in candidates if j is not root and j.id != root.id]
    if not passed_over:
        return "it is the only one that nothing else explains"
    first = passed_over[0]
    if first.confidence < NAMED_FROM and candidates.index(first) < candidates.index(root):
        return f"{first.id} comes first, but is not sure enough to be named ({first.confidence:.2f})"
    words = deciding(root.finding, first.finding) or "it was found first"
    return f"of {len(passed_over) + 1} that nothing explains it comes first, before {first.id}: {words}"


def _ended_by(judgement: Judgement, statements: Sequence[Statement]) -> bool:
    """Whether the log says by itself that this ended the run: sure, not handled, and no work after it."""
    place = judgement.position
    if place.handled or not place.line or judgement.confidence < FAILED_BY_LOG_ALONE:
        return False
    same_log = [s for s in statements if s.log.source.path == place.log]
    after = [s for s in same_log if s.line > place.line]
    if any(s.kind == PROGRESS for s in after):
        return False
    if judgement.id.startswith("env."):
        return len(after) <= LAST_WORDS
    return len(after) <= max(LONGEST_END, 2 * (len(same_log) - len(after)))
