"""What the trackers' databases say, against what lies on disk: hints, for a killed process leaves them behind."""

from __future__ import annotations

from ...facts import READ, UNREADABLE, RunFacts, TrackedRun
from ..findings import HINT, SYMPTOM, Evidence, Finding, Fix

_ENDED_WELL = {"complete", "completed", "finished", "success", "done"}
_STILL = {"running", "scheduled", "started"}


def detect(facts: RunFacts) -> list[Finding]:
    """tracking.database: unreadable, or contradicting the run."""
    return [
        finding
        for tracked in facts.trackers
        for finding in (*_unreadable(facts, tracked), *_contradiction(facts, tracked))
    ]


def status_evidence(tracked: TrackedRun) -> Evidence:
    """What a database says of the run, as a quote."""
    text = (
        f"status {tracked.status}, started {tracked.started_at or 'at no time'}, ended "
        f"{tracked.ended_at or 'at no time'}"
    )
    return Evidence(tracked.source.path, text, None, "tracker")


def made_its_output(facts: RunFacts) -> bool:
    """Whether the run's declared output lies there and is not empty."""
    return any(a.role == "success" and a.state == READ and a.run == facts.run for a in facts.artefacts)


def contradiction(facts: RunFacts, tracked: TrackedRun) -> str:
    """How a tracked status contradicts what discovery found; empty if it does not."""
    status = tracked.status.lower()
    if status in _STILL and facts.state in ("failed", "complete", "suspect"):
        return f"it says {tracked.status}, but the run has ended"
    if status in _ENDED_WELL and facts.state == "failed":
        return f"it says {tracked.status}, but the run failed"
    if status == "failed" and facts.state == "complete":
        return "it says failed, but the run ended well"
    return ""


def _unreadable(facts: RunFacts, tracked: TrackedRun) -> list[Finding]:
    corrupt, locked = "corrupt" in tracked.source.reason, "locked" in tracked.source.reason
    if facts.state not in ("failed", "unknown") or not (locked or (corrupt and tracked.source.state == UNREADABLE)):
        return []
    finding = Finding(
        "tracking.database",
        f"{tracked.source.path} is {'corrupt' if corrupt else 'locked'}",
        SYMPTOM if corrupt else HINT,
        0.5 if corrupt else 0.3,
        "detector: trackers",
    )
    if tracked.kind == "mlflow":
        finding.id = "tracking.mlflow"
    finding.root_cause = f"{tracked.source.path}: {tracked.source.reason}."
    finding.evidence = [Evidence(tracked.source.path, tracked.source.reason, None, "tracker")]
    command = (
        f"sqlite3 {tracked.source.path} 'PRAGMA integrity_check'" if corrupt else f"fuser -v {tracked.source.path}"
    )
    finding.fix = [
        Fix(
            "Restore the database from a backup." if corrupt else "End the process that holds the lock.",
            command,
            None,
            tracked.source.path,
        )
    ]
    return [finding]


def _contradiction(facts: RunFacts, tracked: TrackedRun) -> list[Finding]:
    how = contradiction(facts, tracked)
    if not how:
        return []
    finding = Finding(
        "tracking.database", f"{tracked.source.path} contradicts the run", HINT, 0.2, "detector: trackers"
    )
    finding.root_cause = f"{tracked.source.path}: {how}. A process that is killed cannot correct its status."
    finding.evidence = [status_evidence(tracked)]
    command = next(
        (d.get("summary_command") for d in facts.profile.get("databases") or [] if d.get("kind") == tracked.kind), None
    )
    finding.fix = [Fix("Do not trust the tracker's status; correct it.", command or None, None, tracked.source.path)]
    return [finding]
