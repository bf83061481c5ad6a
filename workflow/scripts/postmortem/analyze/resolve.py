"""From claims to judgements: what is a consequence of what, and what is left unexplained.

A claim is explained by another that says it explains it and could have come first: earlier in the log, earlier in
the exception chain, or from a kind of evidence that has no place in the log. Wrappers are explained by everything.
What nothing explains is judged from the log's end backwards (ORDER): what ended the run stands last, what it survived
before that. The first in this order that is sure enough is the root cause (verdict.py); its confidence is what its
support makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..collect.evidence import NAME_IN_REPORT
from . import record
from .findings import FATAL, GENERIC, HINT, SYMPTOM, WRAPPER, Claim, Evidence, Finding, Support

_RANK = {FATAL: 0, GENERIC: 0, SYMPTOM: 1, HINT: 2, WRAPPER: 3}
HANDLED_PENALTY = 0.35  # an exception after which the program went on is hardly ever the cause
RIVAL_PENALTY = 0.1  # another fatal finding of another cause is left unexplained
# Nothing is sure beside such a rival, unless the end of the run decides: on new logs 2 of 8 such answers were right.
BESIDE_A_RIVAL, UNDECIDED = 0.79, "nothing at the end of the run decides between them"
CONFIRMATION = 0.06  # each independent kind of evidence that agrees
REFUTATION = 0.3  # each that contradicts
AT_ONCE = 10  # lines below a symptom, in which what it led to is printed: launchers and SLURM do so within a second
REPEATS_QUOTED = 3  # the same statement of other ranks, or printed again by a launcher
HIGHEST, LOWEST = 0.98, 0.05
# Below this an answer would be a guess, and a wrong cause is worse than none.
NAMED_FROM = 0.33
# Findings below this are guesses at the kind: what is known for sure comes before them, wherever it stands.
GUESS = 0.5
# What a script meets where the one before it did not make what it should have made.
_LEFT_UNDONE = ("data.missing", "data.empty", "model.checkpoint_missing", "workflow.missing_input")
# Logs by how near they are to the failing code; decides between findings of different logs without a time.
_ROLE_ORDER = {"stderr": 0, "stdout": 1, "executor": 2, "job": 3, "snakemake": 4, "console": 5, "": 6}

# What comes before what, the first criterion that differs decides: what it asks, in words, and its key, lower first.
ORDER: list[tuple[str, Callable[[Finding], Any]]] = [
    ("the program did not go on after it", lambda f: f.position.handled),
    ("it was not raised while the program shut down", lambda f: f.position.teardown),
    ("it ends runs by itself, the other is a symptom or a hint", lambda f: _RANK[f.role]),
    ("it is more than a complaint of the shell", lambda f: f.id.startswith("env.")),
    ("it is more than a guess", lambda f: f.confidence < GUESS),
    ("it stands in a log", lambda f: not f.position.line),
    ("its log is nearer to the failing code", lambda f: _ROLE_ORDER.get(f.position.role, 6)),
    ("it stands later in the log", lambda f: -(f.position.line or 0)),
    ("it is earlier in its chain of exceptions", lambda f: f.position.depth),
    ("it is surer by itself", lambda f: -f.confidence),
]


@dataclass(frozen=True)
class Reason:
    """What moved a confidence: by how much, and why in words."""

    effect: float
    text: str


@dataclass(frozen=True)
class Judgement(Claim):
    """A claim with its standing among the others. explained_by: the finding whose consequence it is."""

    explained_by: Finding | None = None
    confidence: float = 0.0
    reasons: list[Reason] = field(default_factory=list)


@dataclass(frozen=True)
class SetAside:
    """A claim that another one on the same statement, or the same statement printed before, speaks for."""

    claim: Claim
    in_favour_of: Finding
    why: str


@dataclass(frozen=True)
class Resolution:
    """judgements: those that nothing explains in their order, then the explained ones."""

    judgements: list[Judgement]
    set_aside: list[SetAside]


def explains(cause: Finding, id: str) -> bool:
    """Whether a finding declares that `id` may be its consequence."""
    return any(pattern == id or (pattern.endswith(".*") and id.startswith(pattern[:-1])) for pattern in cause.explains)


def could_precede(first: Finding, second: Finding) -> bool:
    """Whether `first` may have happened before `second`, by all that is known of their places.

    The place of a symptom says little: a launcher reports the death of a rank long after the others complained. What
    ended one script is felt by the next one only as something that is not there.
    """
    a, b = first.position, second.position
    if a.program and b.program and a.program != b.program and second.id not in _LEFT_UNDONE:
        return False
    if not a.line or not b.line or a.log != b.log or second.role == SYMPTOM:
        return True
    if a.traceback is not None and a.traceback == b.traceback:
        return a.depth <= b.depth
    return a.line <= b.line


def resolve(claims: list[Claim], spoken_for: Mapping[int, Finding] | None = None) -> Resolution:
    """The judgements, root cause first. spoken_for: id() of a finding → the one that speaks for its exception chain."""
    spoken_for = spoken_for or {}
    kept, set_aside = _one_per_statement(claims, spoken_for)
    explained_by = _explain([claim.finding for claim in kept], spoken_for)
    is_open = [id(claim.finding) not in explained_by and claim.role != WRAPPER for claim in kept]
    open_ = [claim for claim, unexplained in zip(kept, is_open, strict=True) if unexplained]
    judgements = []
    for claim, unexplained in zip(kept, is_open, strict=True):
        supported = _confirmed_by_others(claim, open_) if unexplained else claim
        confidence, reasons = _confidence(supported, open_)
        cause = explained_by.get(id(claim.finding))
        judgements.append(Judgement(claim.finding, supported.support, cause, confidence, reasons))
    judgements.sort(key=lambda j: (j.explained_by is not None or j.role == WRAPPER, order(j.finding)))
    return Resolution(judgements, set_aside)


def order(finding: Finding) -> tuple[Any, ...]:
    """The key by which findings are sorted, the root cause first."""
    return tuple(key(finding) for _, key in ORDER)


def deciding(first: Finding, second: Finding) -> str:
    """Why `first` comes before `second`, in words; empty if nothing tells them apart."""
    return next((words for words, key in ORDER if key(first) != key(second)), "")


def _explain(findings: list[Finding], spoken_for: Mapping[int, Finding]) -> dict[int, Finding]:
    """id() of a finding → what explains it. Of two that explain each other the first one keeps its place."""
    by_place = sorted(findings, key=order)
    # Settled within its exception chain; nothing is explained by what it speaks for itself.
    explained_by = {id(f): spoken_for[id(f)] for f in findings if id(f) in spoken_for}
    for finding in reversed(by_place):
        if id(finding) in spoken_for:
            continue
        causes = (f for f in by_place if _may_explain(f, finding) and not _follows_from(f, finding, explained_by))
        cause = next(causes, None)
        if cause is None and finding.role == SYMPTOM:
            fatal = (f for f in by_place if f.role in (FATAL, GENERIC) and _ended(f) and f.id != finding.id)
            fatal = (f for f in fatal if not _led_to_at_once(finding, f))
            cause = next((f for f in fatal if not _follows_from(f, finding, explained_by)), None)
        if cause is not None:
            explained_by[id(finding)] = cause
    return explained_by


def _may_explain(cause: Finding, finding: Finding) -> bool:
    if cause is finding or cause.role in (HINT, WRAPPER) or (not _ended(cause) and _ended(finding)):
        return False
    if finding.role == WRAPPER or _left_undone(cause, finding):
        return True
    if finding.role == SYMPTOM and _led_to_at_once(finding, cause):
        return False
    # Of one cause only an entry that names its own id speaks for the others: a header, for "ninja: build stopped".
    other = cause.id != finding.id or (finding.id in cause.explains and cause.entry != finding.entry)
    return other and explains(cause, finding.id) and could_precede(cause, finding)


def _left_undone(cause: Finding, finding: Finding) -> bool:
    """Whether a later script in the same log misses something, after another one had failed that may have made it."""
    a, b = cause.position, finding.position
    another = bool(a.program and b.program) and a.program != b.program and a.log == b.log and 0 < a.line < b.line
    return another and finding.id in _LEFT_UNDONE and cause.id not in _LEFT_UNDONE and cause.role in (FATAL, GENERIC)


def _led_to_at_once(symptom: Finding, finding: Finding) -> bool:
    """Whether a symptom declares what is printed right below it: srun cancels a step when one of its tasks crashed."""
    a, b = symptom.position, finding.position
    below = bool(a.line) and a.log == b.log and 0 < b.line - a.line <= AT_ONCE
    return below and _ended(symptom) and explains(symptom, finding.id)


def _ended(finding: Finding) -> bool:
    """Whether the finding may have ended the run, by its place: not survived, and not after the end."""
    return not finding.position.handled and not finding.position.teardown


def _follows_from(finding: Finding, cause: Finding, explained_by: Mapping[int, Finding]) -> bool:
    """Whether `finding` is itself a consequence of `cause`, directly or through others."""
    seen: Finding | None = finding
    while seen is not None:
        if seen is cause:
            return True
        seen = explained_by.get(id(seen))
    return False


def _confirmed_by_others(claim: Claim, others: list[Claim]) -> Claim:
    """The claim with what findings of the same cause from other kinds of evidence say: they confirm it."""
    known = {item.kind for item in claim.evidence}
    quoted = {(item.source, item.text) for item in claim.evidence}
    confirmed_by, evidence = [], []
    for other in others:
        if other is claim or other.id != claim.id or other.role == HINT or other.position.line:
            continue
        new = [
            item for item in other.evidence if item.kind in NAME_IN_REPORT and (item.source, item.text) not in quoted
        ]
        for kind in dict.fromkeys(item.kind for item in new if item.kind not in known):
            item = next(item for item in reversed(new) if item.kind == kind)
            what = " ".join((item.note or item.text).split())
            confirmed_by.append(f"{NAME_IN_REPORT[kind]} ({item.source}): {what[:160]}")
        evidence += new
        known |= {item.kind for item in new}
        quoted |= {(item.source, item.text) for item in new}
    return Claim(claim.finding, _with_more(claim.support, evidence, confirmed_by))


def _with_more(support: Support, evidence: list[Evidence], confirmed_by: list[str] | None = None) -> Support:
    return replace(
        support,
        evidence=[*support.evidence, *evidence],
        confirmed_by=[*support.confirmed_by, *(confirmed_by or [])],
    )


def _one_per_statement(claims: list[Claim], spoken_for: Mapping[int, Finding]) -> tuple[list[Claim], list[SetAside]]:
    """Of several claims on one statement keep the specific before the generic; of one entry's repeats the first."""
    kept: list[Claim] = []
    set_aside: list[SetAside] = []
    by_place: dict[tuple[Any, ...], list[Claim]] = {}
    for claim in claims:
        place = claim.position
        if place.line:
            by_place.setdefault((place.log, place.line, place.traceback, place.depth), []).append(claim)
        else:
            kept.append(claim)
    for group in by_place.values():
        specific = [c for c in group if c.role != GENERIC] or group
        if any(c.role in (FATAL, GENERIC) for c in specific):
            specific = [c for c in specific if c.role not in (WRAPPER, HINT)]
            # The place where it was raised tells more than the same words anywhere.
            specific = [c for c in specific if c.finding.placed] or specific
        longest: dict[str, Claim] = {}
        for claim in specific:
            if claim.id not in longest or _matched(claim) > _matched(longest[claim.id]):
                longest[claim.id] = claim
        kept += longest.values()
        spoken = next(iter(longest.values())).finding
        set_aside += [
            SetAside(claim, longest[claim.id].finding if claim.id in longest else spoken, "more specific")
            for claim in group
            if all(claim is not other for other in longest.values())
        ]
    kept.sort(key=lambda c: (id(c.finding) in spoken_for, _of_repeats(c.finding)))
    first: dict[tuple[str, str], int] = {}  # entry and what was matched → place in `result`
    result: list[Claim] = []
    for claim in kept:
        key = (claim.finding.entry, claim.finding.captures.get("", "")[:80])
        if not claim.position.line or key not in first:
            if claim.position.line:
                first[key] = len(result)
            result.append(claim)
            continue
        at = first[key]
        set_aside.append(SetAside(claim, result[at].finding, "the same, printed before"))
        if len(result[at].evidence) < REPEATS_QUOTED:
            result[at] = Claim(result[at].finding, _with_more(result[at].support, claim.evidence))
    return result, set_aside


def _of_repeats(finding: Finding) -> tuple[Any, ...]:
    """Which of one entry's repeats stands for all: the surest, then of attempts the last, of ranks the first."""
    place = finding.position
    line = place.line if place.rank is not None else -place.line
    return not _ended(finding), -finding.confidence, _ROLE_ORDER.get(place.role, 6), line, place.depth


def _matched(claim: Claim) -> int:
    """How many characters of its statement a claim's pattern took."""
    return len(claim.finding.captures.get("", ""))


def _confidence(claim: Claim, open_: list[Claim]) -> tuple[float, list[Reason]]:
    """How sure the claim is, and what made it so."""
    reasons = [_start(claim)]
    if claim.position.handled:
        reasons.append(Reason(-HANDLED_PENALTY, "the program went on after it, or was started again"))
    elif claim.position.teardown:
        reasons.append(Reason(-HANDLED_PENALTY, "it was raised while the program shut down"))
    rivals = []
    if claim.role in (FATAL, GENERIC):
        rivals = [c for c in open_ if c.role in (FATAL, GENERIC) and _ended(c.finding) and c.id != claim.id]
        if rivals:
            named = ", ".join(sorted({rival.id for rival in rivals}))
            reasons.append(Reason(-RIVAL_PENALTY, f"not explained either: {named}"))
    reasons += [Reason(CONFIRMATION, text) for text in claim.confirmed_by]
    reasons += [Reason(-REFUTATION, text) for text in claim.refuted_by]
    total = round(min(HIGHEST, max(LOWEST, sum(reason.effect for reason in reasons))), 2)
    if rivals and total > BESIDE_A_RIVAL and not _the_end_decides(claim, rivals):
        reasons.append(Reason(round(BESIDE_A_RIVAL - total, 2), UNDECIDED))
        total = BESIDE_A_RIVAL
    return total, reasons


def _start(claim: Claim) -> Reason:
    """How sure the finding is by itself: an entry by its pattern and its record, all others as their makers say."""
    finding = claim.finding
    name = finding.entry or claim.title
    if finding.by_record is None:
        return Reason(finding.confidence, f"{name} ({claim.role})")
    right, wrong = record.of_entry(finding.entry)
    known = f"; right in {right} of {right + wrong} repositories" if right + wrong else ""
    return Reason(finding.by_record, f"{name} ({claim.role}, {finding.strength}{known})")


def _the_end_decides(claim: Claim, rivals: list[Claim]) -> bool:
    """Whether the end of the run tells the claim from its rivals: all of them stand before it in its log, or the
    scheduler recorded this end and none of theirs."""
    place = claim.position
    if place.line and all(r.position.log == place.log and 0 < r.position.line < place.line for r in rivals):
        return True
    recorded = [any(item.kind == "slurm" for item in c.evidence) for c in (claim, *rivals)]
    return recorded[0] and not any(recorded[1:])
