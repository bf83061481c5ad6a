"""Whether the run failed, and which finding, if any, is named as its root cause."""

from __future__ import annotations

from ..collect.logs.statements import PROGRESS, Statement
from ..facts import RunFacts
from .findings import FATAL, HINT, WRAPPER, Finding
from .resolve import NAMED_FROM

# Without any record of the run's state, a log alone must be this sure before a run is called failed.
FAILED_BY_LOG_ALONE = 0.6
# A finding from facts beyond the log must be this sure before a run that ended well is called suspect.
SUSPECT_FROM = 0.5
# Statements of launchers, trackers and the shell after the last words of a dying program; a longer end than this, and
# than twice the log before it, is another program's work.
LONGEST_END = 200


def verdict(facts: RunFacts, findings: list[Finding], statements: list[Statement]) -> tuple[str, Finding | None]:
    """The status of the diagnosis and its root cause; None where nothing is supported well enough to be named."""
    candidates = [f for f in findings if f.explained_by is None and f.role != WRAPPER]
    beyond = [f for f in candidates if f.role == FATAL and not f.position.line and f.confidence >= SUSPECT_FROM]
    if facts.state == "running":
        return "running", None
    if facts.state in ("suspect", "complete"):
        if beyond:
            return "suspect", beyond[0]
        if facts.state == "complete":
            return "ok", None
        return ("suspect", None) if facts.reasons and candidates else ("ok", None)
    named = next((f for f in candidates if f.confidence >= NAMED_FROM and f.role != HINT), None)
    if facts.state == "failed":
        return "failed", named or next((f for f in candidates if f.confidence >= NAMED_FROM), None)
    if named and _ended_by(named, statements):
        return "failed", named
    return ("suspect", beyond[0]) if beyond else ("ok", None)


def _ended_by(finding: Finding, statements: list[Statement]) -> bool:
    """Whether the log says by itself that this ended the run: sure, not handled, and no work after it."""
    place = finding.position
    if place.handled or not place.line or finding.confidence < FAILED_BY_LOG_ALONE:
        return False
    same_log = [s for s in statements if s.log.source.path == place.log]
    after = [s for s in same_log if s.line > place.line]
    if any(s.kind == PROGRESS for s in after):
        return False
    return len(after) <= max(LONGEST_END, 2 * (len(same_log) - len(after)))
