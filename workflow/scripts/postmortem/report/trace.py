"""Why this cause: the trace of the decision as diagnosis.json keeps it, and on one screen."""

from __future__ import annotations

from typing import Any

from ..analyze.diagnose import Diagnosis
from ..analyze.findings import Claim, Finding
from ..analyze.resolve import Judgement
from ..facts import RunFacts

DECIDED_IN = "workflow/scripts/postmortem/analyze/resolve.py, verdict.py"
CANDIDATES = 20  # kept; the others follow from these, or are hints
SET_ASIDE = 20
SCREEN_CANDIDATES = 6  # of each standing, shown by `explain`
SCREEN_WIDTH = 116  # characters
REASONS_SHOWN = 6  # of one candidate


def trace_of(facts: RunFacts, diagnosis: Diagnosis) -> dict[str, Any]:
    """How the run is known to have ended, what could have been the cause, and what decided between them."""
    root, judgements = diagnosis.verdict.root, diagnosis.resolution.judgements
    ordered = [root, *(j for j in judgements if j is not root)] if root else judgements
    number = {id(j.finding): i for i, j in enumerate(ordered, start=1)}
    return {
        "ending": facts.reasons or [f"nobody recorded an end; the run is {facts.state}"],
        "decided_by": diagnosis.verdict.why,
        "candidates": [_candidate(j, j is root, number) for j in ordered[:CANDIDATES]],
        "set_aside": [
            {**_place(aside.claim), "why": f"{aside.why}: {_name(aside.in_favour_of)}"}
            for aside in diagnosis.resolution.set_aside[:SET_ASIDE]
        ],
    }


def _candidate(judgement: Judgement, is_root: bool, number: dict[int, int]) -> dict[str, Any]:
    cause = judgement.explained_by
    return {
        **_place(judgement),
        "standing": "root cause" if is_root else "consequence" if cause else judgement.role,
        "explained_by": {"number": number.get(id(cause)), "finding": _name(cause)} if cause else None,
        "confidence": judgement.confidence,
        "role": judgement.role,
        "strength": judgement.finding.strength,
        "for": [f"{reason.effect:+.2f} {reason.text}" for reason in judgement.reasons if reason.effect > 0],
        "against": [f"{reason.effect:+.2f} {reason.text}" for reason in judgement.reasons if reason.effect <= 0],
    }


def _place(claim: Claim) -> dict[str, Any]:
    first = claim.evidence[0] if claim.evidence else None
    return {
        "id": claim.id,
        "entry": f"{claim.id}: {claim.title}",
        "made_in": claim.finding.made_in,
        "source": claim.position.log or (first.source if first else ""),
        "line": claim.position.line or (first.line if first else None),
        "text": " ".join(first.text.split())[:300] if first else "",
    }


def _name(finding: Finding) -> str:
    return f"{finding.id} ({finding.title})"


def screen(diagnosis: dict[str, Any]) -> str:
    """The trace of a diagnosis.json as text for a terminal."""
    trace = diagnosis.get("trace") or {"ending": [], "decided_by": "it was not kept", "candidates": [], "set_aside": []}
    cause = diagnosis.get("root_cause") or {}
    named = f"{cause['id']} ({cause['confidence']:.2f})" if cause else diagnosis["status"]
    lines = [f"{diagnosis['run']}: {named}", f"  {diagnosis['summary']}", "", "How it ended"]
    lines += [f"  {reason}" for reason in trace["ending"]]
    lines += [
        "",
        "Decided by (workflow/scripts/postmortem/analyze/resolve.py and verdict.py)",
        f"  {trace['decided_by']}",
    ]
    shown: dict[str, int] = {}
    for number, candidate in enumerate(trace["candidates"], start=1):
        kind = "Consequences" if candidate["standing"] == "consequence" else "Candidates"
        if kind not in shown:
            lines += ["", kind]
        shown[kind] = shown.get(kind, 0) + 1
        if shown[kind] <= SCREEN_CANDIDATES:
            lines += _shown(number, candidate)
    if more := sum(max(0, count - SCREEN_CANDIDATES) for count in shown.values()):
        lines.append(f"  {more} more in diagnosis.json, under trace")
    if trace["set_aside"]:
        lines += ["", "Set aside"]
        asides = [f"  {a['id']} at {_at(a)}: {a['why']} [{a['made_in']}]" for a in trace["set_aside"]]
        lines += list(dict.fromkeys(asides))[:SCREEN_CANDIDATES]
    return "\n".join(_cut(line) for line in lines) + "\n"


def _shown(number: int, candidate: dict[str, Any]) -> list[str]:
    head = f"  {number} {candidate['standing']}: {candidate['entry']} ({candidate['confidence']:.2f})"
    lines = [head, f"      {_at(candidate)}: {candidate['text']}", f"      rule: workflow/{candidate['made_in']}"]
    if candidate["explained_by"]:
        return [head, f"      {_at(candidate)}: follows from {candidate['explained_by']['number']}, "
                f"{candidate['explained_by']['finding']}"]  # fmt: skip
    for label in ("for", "against"):
        reasons = candidate[label]
        lines += [f"      {label}: {reason}" for reason in reasons[:REASONS_SHOWN]]
    return lines


def _at(place: dict[str, Any]) -> str:
    return f"{place['source']}:{place['line']}" if place["line"] else place["source"]


def _cut(line: str) -> str:
    return line if len(line) <= SCREEN_WIDTH else f"{line[: SCREEN_WIDTH - 1]}…"
