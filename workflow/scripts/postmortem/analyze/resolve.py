"""From findings to the root cause: what is a consequence of what, and what is left unexplained.

A finding is explained by another that says it explains it and could have come first: earlier in the log, earlier in
the exception chain, or from a kind of evidence that has no place in the log. Wrappers are explained by everything.
The root cause is the unexplained finding that came first; its confidence is what its support makes of it.
"""

from __future__ import annotations

from .findings import FATAL, GENERIC, HINT, SYMPTOM, WRAPPER, Finding

_RANK = {FATAL: 0, GENERIC: 0, SYMPTOM: 1, HINT: 2, WRAPPER: 3}
HANDLED_PENALTY = 0.35  # an exception after which the program went on is hardly ever the cause
RIVAL_PENALTY = 0.1  # another fatal finding of another cause is left unexplained
CONFIRMATION = 0.06  # each independent kind of evidence that agrees
REFUTATION = 0.3  # each that contradicts
REPEATS_QUOTED = 3  # the same statement of other ranks, or printed again by a launcher
HIGHEST, LOWEST = 0.98, 0.05
# Below this an answer would be a guess, and a wrong cause is worse than none.
NAMED_FROM = 0.33
# Logs by how near they are to the failing code; decides between findings of different logs without a time.
_ROLE_ORDER = {"stderr": 0, "stdout": 1, "executor": 2, "job": 3, "snakemake": 4, "console": 5, "": 6}


def explains(cause: Finding, id: str) -> bool:
    """Whether a finding declares that `id` may be its consequence."""
    return any(pattern == id or (pattern.endswith(".*") and id.startswith(pattern[:-1])) for pattern in cause.explains)


def could_precede(first: Finding, second: Finding) -> bool:
    """Whether `first` may have happened before `second`, by all that is known of their places.

    The place of a symptom says little: a launcher reports the death of a rank long after the others complained.
    """
    a, b = first.position, second.position
    if not a.line or not b.line or a.log != b.log or second.role == SYMPTOM:
        return True
    if a.traceback is not None and a.traceback == b.traceback:
        return a.depth <= b.depth
    return a.line <= b.line


def resolve(findings: list[Finding]) -> list[Finding]:
    """Order findings, root cause first; those explained name what explains them. Confidences are settled in place."""
    findings = _one_per_statement(findings)
    _explain(findings)
    open_ = [f for f in findings if f.explained_by is None and f.role != WRAPPER]
    open_.sort(key=_order)
    for finding in open_:
        _confirm_by_others(finding, open_)
    for finding in findings:
        finding.confidence = _confidence(finding, open_)
    explained = sorted((f for f in findings if f not in open_), key=_order)
    return open_ + explained


def _explain(findings: list[Finding]) -> None:
    """Let each finding name what explains it. Of two that explain each other the first one keeps its place."""
    by_place = sorted(findings, key=_order)
    explainer: dict[int, Finding] = {}
    for finding in reversed(by_place):
        if finding.explained_by is not None:
            continue  # settled within its exception chain
        causes = (f for f in by_place if _may_explain(f, finding) and not _follows_from(f, finding, explainer))
        cause = next(causes, None)
        if cause is None and finding.role == SYMPTOM:
            fatal = (
                f for f in by_place if f.role in (FATAL, GENERIC) and not f.position.handled and f.id != finding.id
            )
            cause = next((f for f in fatal if not _follows_from(f, finding, explainer)), None)
        if cause is not None:
            explainer[id(finding)] = cause
            finding.explained_by = cause.id


def _may_explain(cause: Finding, finding: Finding) -> bool:
    if cause is finding or cause.role in (HINT, WRAPPER) or (cause.position.handled and not finding.position.handled):
        return False
    if finding.role == WRAPPER:
        return True
    return cause.id != finding.id and explains(cause, finding.id) and could_precede(cause, finding)


def _follows_from(finding: Finding, cause: Finding, explainer: dict[int, Finding]) -> bool:
    """Whether `finding` is itself a consequence of `cause`, directly or through others."""
    seen: Finding | None = finding
    while seen is not None:
        if seen is cause:
            return True
        seen = explainer.get(id(seen))
    return False


# How the report names a kind of evidence that agrees.
_KINDS = {
    "slurm": "SLURM's accounting", "curve": "the curves", "config": "the configuration", "checkpoint": "the checkpoint",
    "data": "the data", "tracker": "the tracker's database", "metrics": "the metrics", "upstream": "the runs it needs",
    "log": "the log", "snakemake": "Snakemake's log", "code": "the code", "good_run": "the last good run",
}  # fmt: skip


def _confirm_by_others(finding: Finding, others: list[Finding]) -> None:
    """A finding of the same cause from another kind of evidence confirms this one, and its quotes are added."""
    known = {item.kind for item in finding.evidence}
    quoted = {(item.source, item.text) for item in finding.evidence}
    for other in others:
        if other is finding or other.id != finding.id or other.role == HINT or other.position.line:
            continue
        new = [item for item in other.evidence if item.kind in _KINDS and (item.source, item.text) not in quoted]
        for kind in dict.fromkeys(item.kind for item in new if item.kind not in known):
            item = next(item for item in reversed(new) if item.kind == kind)
            what = " ".join((item.note or item.text).split())
            finding.confirmed_by.append(f"{_KINDS[kind]} ({item.source}): {what[:160]}")
        finding.evidence += new
        known |= {item.kind for item in new}
        quoted |= {(item.source, item.text) for item in new}


def _order(finding: Finding) -> tuple:
    place = finding.position
    early = place.line or 0
    return (
        place.handled,
        _RANK[finding.role],
        finding.confidence < NAMED_FROM,
        0 if place.line else 1,
        _ROLE_ORDER.get(place.role, 6),
        early,
        place.depth,
        -finding.confidence,
    )


def _one_per_statement(findings: list[Finding]) -> list[Finding]:
    """Of several findings on one statement keep the specific before the generic; of one entry's repeats the first."""
    kept: list[Finding] = []
    by_place: dict[tuple, list[Finding]] = {}
    for finding in findings:
        place = finding.position
        if place.line:
            by_place.setdefault((place.log, place.line, place.traceback, place.depth), []).append(finding)
        else:
            kept.append(finding)
    for group in by_place.values():
        specific = [f for f in group if f.role != GENERIC] or group
        if any(f.role in (FATAL, GENERIC) for f in specific):
            specific = [f for f in specific if f.role not in (WRAPPER, HINT)]
        best: dict[str, Finding] = {}
        for finding in specific:
            if finding.id not in best or len(finding.captures.get("", "")) > len(best[finding.id].captures.get("", "")):
                best[finding.id] = finding
        kept += best.values()
    first: dict[tuple, Finding] = {}
    result = []
    for finding in sorted(kept, key=lambda f: (f.explained_by is not None, _order(f))):
        key = (finding.entry, finding.captures.get("", "")[:80])
        if not finding.position.line:
            result.append(finding)
        elif key not in first:
            first[key] = finding
            result.append(finding)
        elif len(first[key].evidence) < REPEATS_QUOTED:
            first[key].evidence += finding.evidence
    return result


def _confidence(finding: Finding, open_: list[Finding]) -> float:
    value = finding.confidence
    if finding.position.handled:
        value -= HANDLED_PENALTY
    if finding.role in (FATAL, GENERIC):
        rivals = {f.id for f in open_ if f.role in (FATAL, GENERIC) and not f.position.handled} - {finding.id}
        value -= RIVAL_PENALTY if rivals else 0.0
    value += CONFIRMATION * len(finding.confirmed_by) - REFUTATION * len(finding.refuted_by)
    return round(min(HIGHEST, max(LOWEST, value)), 2)
