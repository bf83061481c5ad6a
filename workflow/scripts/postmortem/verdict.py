"""Whether the run failed, and which finding, if any, is named as its root cause."""

from __future__ import annotations

from .facts import RunFacts
from .findings import FATAL, GENERIC, HINT, SYMPTOM, WRAPPER, Finding
from .resolve import NAMED_FROM
from .statements import PROGRESS, Statement

# Without any record of the run's state, a log alone must be this sure before a run is called failed.
FAILED_BY_LOG_ALONE = 0.6
# A finding from facts beyond the log must be this sure before a run that ended well is called suspect.
SUSPECT_FROM = 0.5
# Of the end of a log that may follow the last words of a dying program: launchers, trackers, the shell.
END_SHARE = 0.5


def verdict(facts: RunFacts, findings: list[Finding], statements: list[Statement]) -> tuple[str, Finding | None]:
    """The status of the diagnosis and its root cause; None where nothing is supported well enough to be named."""
    candidates = [f for f in findings if f.explained_by is None and f.severity != WRAPPER]
    if facts.state == "running":
        return "running", None
    if facts.state in ("suspect", "complete"):
        beyond = [f for f in candidates if f.severity == FATAL and not f.position.line and f.confidence >= SUSPECT_FROM]
        if beyond:
            return "suspect", beyond[0]
        if facts.state == "complete":
            return "ok", None
        return ("suspect", None) if facts.reasons and candidates else ("ok", None)
    named = next((f for f in candidates if f.confidence >= NAMED_FROM and f.severity != HINT), None)
    if facts.state == "failed":
        return "failed", named or next(
            (f for f in candidates if f.severity == HINT and f.confidence >= NAMED_FROM), None
        )
    if named and _ended_by(named, statements):
        return "failed", named
    beyond = [f for f in candidates if f.severity == FATAL and not f.position.line and f.confidence >= SUSPECT_FROM]
    return ("suspect", beyond[0]) if beyond else ("ok", None)


def _ended_by(finding: Finding, statements: list[Statement]) -> bool:
    """Whether the log says by itself that this ended the run: sure, not handled, and no work after it."""
    place = finding.position
    if place.handled or not place.line or finding.confidence < FAILED_BY_LOG_ALONE:
        return False
    if finding.severity not in (FATAL, GENERIC, SYMPTOM):
        return False
    after = [s for s in statements if s.log.source.path == place.log and s.line > place.line]
    before = [s for s in statements if s.log.source.path == place.log and s.line < place.line]
    work = sum(s.kind == PROGRESS for s in after)
    return work == 0 and len(after) <= max(200, len(before) * END_SHARE * 4)
