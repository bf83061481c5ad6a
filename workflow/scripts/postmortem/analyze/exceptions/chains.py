"""Which exception of a chain speaks for it: the first raised, or the one that was raised on purpose to explain it."""

from __future__ import annotations

from ...collect.logs.statements import Statement
from ..findings import GENERIC, HINT, SYMPTOM, WRAPPER, Finding
from ..resolve import explains
from .classify import raised_on_purpose

# Causes that stay the cause however the program words them: the machine speaks, not the program.
_HARD = (
    "host.",
    "gpu.",
    "io.",
    "slurm.",
    "code.import",
    "code.library_conflict",
    "code.syntax",
    "tracking.",
    "distributed.",
)


def speakers(pairs: list[tuple[Statement, Finding]]) -> dict[int, Finding]:
    """Of each traceback's chain: id() of a finding → the one that speaks for it; speakers are left out."""
    chains: dict[tuple[str, int], list[tuple[Statement, Finding]]] = {}
    for statement, finding in pairs:
        if statement.traceback and len(statement.traceback.exceptions) > 1 and finding.role not in (WRAPPER, HINT):
            chains.setdefault((statement.log.source.path, statement.traceback.first_line), []).append(
                (statement, finding)
            )
    spoken_for: dict[int, Finding] = {}
    for chain in chains.values():
        chain.sort(key=lambda pair: pair[0].depth)
        speaker = _speaker(chain)
        for _, finding in chain:
            same_place = finding.position.depth == speaker.position.depth
            if finding is not speaker and not same_place:
                spoken_for[id(finding)] = speaker
    return spoken_for


def _speaker(chain: list[tuple[Statement, Finding]]) -> Finding:
    specific = [f for _, f in chain if f.role not in (GENERIC, SYMPTOM)]
    if specific:
        # What a library makes of it may tell more: a tracker's own words, of the network's time-out.
        return next((f for f in specific if f.id != specific[0].id and explains(f, specific[0].id)), specific[0])
    strong = [(s, f) for s, f in chain if f.role == GENERIC] or chain
    first_statement, first = strong[0]
    for statement, finding in reversed(strong):
        raised = statement.exception
        earlier = first_statement.exception
        if finding is first or raised is None or earlier is None:
            continue
        if first.id.startswith(_HARD):
            return first
        if raised_on_purpose(raised) or earlier.leads_to == "cause":
            return finding
    return first
