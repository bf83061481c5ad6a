"""The diagnosis as a dictionary: the contract's keys, and what the report shows beyond them."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from ..analyze.diagnose import Diagnosis
from ..analyze.findings import HINT, WRAPPER
from ..analyze.remedies import fixes
from ..analyze.resolve import Judgement
from ..facts import RunFacts
from ..text import one_line
from . import quotes, trace

SCHEMA_VERSION = 1
SUMMARY_CHARACTERS = 300  # the contract's limit
SUMMARY_SENTENCES = 200  # characters; two lines of a terminal
FINDINGS = 40
CODE_FRAMES = 2  # the innermost; the others are listed in the traceback


def document(facts: RunFacts, diagnosis: Diagnosis) -> dict[str, Any]:
    """Everything that is written to diagnosis.json, valid against the contract's schema."""
    status, root = diagnosis.verdict.status, diagnosis.verdict.root
    judgements = diagnosis.resolution.judgements
    logs = quotes.logs_by_path(facts)
    ordered = [root, *(j for j in judgements if j is not root)] if root else judgements
    failed = status in ("failed", "suspect")
    raised = quotes.raised_by(root, logs) or quotes.raised_because_of(root, judgements, logs)
    evidence = quotes.evidence_of_root(root, ordered, logs) if root else quotes.evidence_of_unknown(ordered, facts)
    evidence = evidence if failed else []
    return {
        "schema_version": SCHEMA_VERSION,
        "run": facts.run,
        "status": status,
        "summary": one_line(_summary(facts, status, root), SUMMARY_CHARACTERS),
        "root_cause": _root_cause(facts, root) if failed else None,
        "findings": [_listed(j) for j in ordered if j.role not in (WRAPPER, HINT) or j is root][:FINDINGS],
        "evidence": evidence,
        "also_seen": quotes.also_seen(root, ordered, logs) if failed and root else [],
        "fix": [asdict(fix) for fix in fixes.fixes(facts, root, judgements, raised, evidence)] if failed else [],
        "prevention": _prevention(root) if failed else [],
        "not_checked": [*facts.not_checked, *diagnosis.problems],
        "discovery": facts.reasons,
        "attempts": [asdict(attempt) for attempt in facts.attempts],
        "code": [asdict(frame) for frame in facts.code[:CODE_FRAMES]],
        "changed": asdict(facts.good_run) if facts.good_run and failed else None,
        "traceback": quotes.own_frames(root, logs) if failed else [],
        "trace": trace.trace_of(facts, diagnosis),
        "job": _job(facts),
        "stage": facts.stage,
        "dataset": facts.dataset,
    }


def _summary(facts: RunFacts, status: str, root: Judgement | None) -> str:
    why = f" ({facts.reasons[0]})" if facts.reasons else ""
    if status == "ok":
        return f"{facts.run}: no sign of a failure{why}."
    if status == "running":
        return f"{facts.run}: still running or waiting."
    if root is None:
        raised = quotes.last_raised(facts)
        if raised:
            return f"{facts.run} failed{why}; nothing explains it for sure. The last error is {raised.text}"
        return f"{facts.run} failed{why}, but nothing that was read says why."
    return _first_sentences(root.explanation) or root.title


def _first_sentences(text: str) -> str:
    """The beginning of a text, up to the last sentence that ends within what one line of a terminal's summary holds."""
    text = " ".join(text.split())
    ends = [match.end() for match in re.finditer(r"[.!?](?= [A-Z(`])", text) if match.end() <= SUMMARY_SENTENCES]
    return text[: ends[-1]] if ends and len(text) > SUMMARY_SENTENCES else text


def _root_cause(facts: RunFacts, root: Judgement | None) -> dict[str, Any]:
    if root is None:
        read = ", ".join(log.source.path for log in facts.logs if log.size)
        silent = f"neither {read} nor anything else that was read" if read else "it left no log, and nothing else"
        reasons = "; ".join(facts.reasons) or "it was asked for"
        raised = quotes.last_raised(facts)
        explanation = f"It is known that the run failed ({reasons}), but {silent} says why."
        if raised:
            explanation = (
                f"Nothing explains the failure for sure. The last error in the log: {one_line(raised.text, 500)}"
            )
        return {
            "id": "unknown",
            "title": "Cause not known",
            "explanation": explanation,
            "confidence": 0.3,
            "upstream_run": None,
            "confirmed_by": [],
            "refuted_by": [],
            "would_refute": "",
            "references": [],
        }
    return {
        "id": root.id,
        "title": root.title,
        "explanation": root.explanation or root.title,
        "confidence": root.confidence,
        "upstream_run": root.upstream_run,
        "confirmed_by": root.confirmed_by,
        "refuted_by": root.refuted_by,
        "would_refute": root.would_refute,
        "references": root.finding.references,
    }


def _listed(judgement: Judgement) -> dict[str, Any]:
    return {
        "id": judgement.id,
        "title": judgement.title,
        "confidence": judgement.confidence,
        "explained_by": judgement.explained_by.id if judgement.explained_by else None,
        "role": judgement.role,
        "handled": judgement.position.handled,
        "source": judgement.position.log or (judgement.evidence[0].source if judgement.evidence else ""),
        "line": judgement.position.line or None,
    }


def _job(facts: RunFacts) -> dict[str, str] | None:
    """The job of the last attempt: its id, and where and when it ran, as far as SLURM or the attempt tells."""
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    attempt = facts.attempts[-1] if facts.attempts else None
    job_id = job.id if job else attempt.job_id if attempt else ""
    if not job_id:
        return None
    return {
        "id": job_id,
        "node": job.node if job else "",
        "start": (job.start if job else "") or (attempt.start if attempt else ""),
        "end": (job.end if job else "") or (attempt.end if attempt else ""),
    }


def _prevention(root: Judgement | None) -> list[str]:
    if root and root.finding.prevention:
        return root.finding.prevention
    if root is None:
        return [
            "Let the job write its output unbuffered (PYTHONUNBUFFERED=1) and with PYTHONFAULTHANDLER=1, so that "
            "the last words are kept."
        ]
    return [
        "Run the stage once on a small sample before the whole workflow is submitted: it shows this failure in "
        "a minute."
    ]
