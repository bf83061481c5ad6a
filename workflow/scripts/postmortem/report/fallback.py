"""What stands in for a diagnosis or a report that could not be made: it says so, instead of failing the job."""

from __future__ import annotations

from typing import Any

from .document import SCHEMA_VERSION

HEADINGS = ("Error Summary", "Root Cause", "Evidence", "Fix", "Prevention")


def diagnosis(run: str, problem: str) -> dict[str, Any]:
    """A diagnosis of status unknown, valid against the contract's schema. problem: what went wrong, in words."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run,
        "status": "unknown",
        "summary": "The run could not be diagnosed: the diagnosis itself went wrong."[:300],
        "root_cause": {"id": "unknown", "title": "Unknown", "explanation": problem, "confidence": 0.0},
        "findings": [],
        "evidence": [],
        "fix": [],
        "prevention": [],
        "not_checked": [problem],
    }


def markdown(run: str, problem: str) -> str:
    """A report with the headings that every report has."""
    texts = ("The run could not be reported on.", problem, "None.", "Report this as a bug of postmortem.", "None.")
    sections = "\n\n".join(f"## {heading}\n{text}" for heading, text in zip(HEADINGS, texts, strict=True))
    return f"# Diagnosis of {run}\n\n{sections}\n"
