"""What the accounting and the workflow's logs say about a claim of the log, and the reverse."""

from __future__ import annotations

import re

from ...facts import ABSENT, RunFacts
from ..detectors.pace import pace_fix, pace_of
from ..findings import Evidence, Finding, Support
from .data import said

# Final states of sacct that mean a cause by themselves.
STATES = {
    "slurm.timeout": ("TIMEOUT", "DEADLINE"),
    "slurm.cancelled": ("CANCELLED",),
    "slurm.preempted": ("PREEMPTED", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"),
    "host.oom": ("OUT_OF_MEMORY",),
    "host.node_failure": ("NODE_FAIL", "BOOT_FAIL"),
}
# Signals (exit code "0:N", or N + 128 through a shell) that a crash or a kill leaves in the accounting.
SIGNALS = {
    "host.crash": (4, 6, 7, 8, 11), "host.killed": (9,), "host.oom": (9,), "run.interrupted": (1, 2, 15),
    "slurm.cancelled": (9, 15), "host.shm": (7,),
}  # fmt: skip
EXIT_CODES = {"env.activation": (126, 127), "slurm.output_unwritable": ()}
START_SECONDS = 15  # Python, torch and the data loaders take longer than this to get to work
_AT_START = re.compile(
    r"\busage:|expected one argument|unrecognized arguments|required: |invalid choice|validation failed", re.I
)
_STATUS = re.compile(r"exit(?:ed with)? (?:status|code)\D{0,4}(\d{1,3})|non-zero exit status (\d{1,3})")


def accounting(finding: Finding, facts: RunFacts, support: Support) -> None:
    """sacct's state, exit code and signal; a finding that stands in sacct is confirmed by the log instead."""
    from_accounting = bool(finding.evidence) and finding.evidence[0].kind == "slurm"
    for job in facts.slurm_jobs[-1:]:
        states = {job.state, *(step.state for step in job.steps)} - {""}
        codes = {code for text in (job.exit_code, *(s.exit_code for s in job.steps)) for code in _signals(text)}
        agrees = bool(states & set(STATES.get(finding.id, ()))) or bool(codes & set(SIGNALS.get(finding.id, ())))
        agrees = agrees or bool({_exit(job.exit_code)} & set(EXIT_CODES.get(finding.id, ())))
        if agrees and not from_accounting:
            support.confirmed_by.append(job.source)
            text = job.raw or f"{job.id} {job.state_text or job.state} {job.exit_code}"
            support.evidence.append(Evidence(job.source, text, job.line, "slurm"))
        elif not agrees and job.state == "COMPLETED" and finding.id in STATES:
            support.refuted_by.append(f"{job.source} says that job {job.id} COMPLETED")
    for failed in facts.snakemake_jobs[-1:]:
        found = _STATUS.search(failed.exit_text or failed.message)
        status = int(found[1] or found[2]) if found else 0
        expected = [*(n + 128 for n in SIGNALS.get(finding.id, ())), *EXIT_CODES.get(finding.id, ())]
        if status and status in expected:
            support.confirmed_by.append("Snakemake's log")
            support.evidence.append(
                Evidence(failed.log, failed.exit_text or failed.message, failed.error_line or None, "snakemake")
            )


def start_up(finding: Finding, facts: RunFacts, support: Support) -> None:
    """A cause that strikes at the start: the run wrote nothing, its job lasted seconds, its streams stayed empty."""
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    nothing_written = facts.config is not None and facts.config.source.state == ABSENT and not facts.curves
    at_start = _AT_START.search(said(finding)) or not finding.id.startswith("config.")
    if facts.config and nothing_written and at_start and not any(c.role == "own" for c in facts.checkpoints):
        support.confirmed_by.append("what the run wrote")
        text = "neither configuration, curve nor checkpoint: it ended at the start"
        support.evidence.append(Evidence(facts.directory, text, None, "data"))
    if job and job.elapsed_seconds is not None and job.elapsed_seconds <= START_SECONDS and job.state == "FAILED":
        support.confirmed_by.append(job.source)
        support.evidence.append(
            Evidence(job.source, job.raw or job.id, job.line, "slurm", f"it lasted {job.elapsed_seconds} s")
        )


def never_started(finding: Finding, facts: RunFacts, support: Support) -> None:
    """A refused job: the run's own streams stayed empty, and it wrote nothing."""
    if not any(log.role in ("stderr", "stdout") and log.size for log in facts.logs) and not facts.curves:
        support.confirmed_by.append("the run's own streams")
        text = "its own standard output and error are empty: the program never started"
        support.evidence.append(Evidence(facts.directory, text, None, "data"))


def died_without_a_word(finding: Finding, facts: RunFacts, support: Support) -> None:
    """A process that is killed or crashes cannot record its end: the tracker goes on saying that it runs."""
    for tracked in facts.trackers:
        if tracked.status.lower() == "running" and not tracked.ended_at and facts.state == "failed":
            support.confirmed_by.append("the tracker's record")
            note = "no end was recorded, as any Python exception would have been"
            support.evidence.append(
                Evidence(
                    tracked.source.path, f"status {tracked.status}, started {tracked.started_at}", None, "tracker", note
                )
            )


def pace(finding: Finding, facts: RunFacts, support: Support) -> None:
    """Epochs per hour, and what follows for the time to ask for."""
    found = pace_of(facts)
    if found is None or found.text in finding.root_cause:
        return
    support.confirmed_by.append("the progress of training")
    support.explanation.append(f"{found.text}.")
    support.first_fixes.append(pace_fix(facts, found))


def _signals(code: str) -> list[int]:
    """Signals that an exit code "code:signal" names, directly or as 128 + signal."""
    first, _, second = code.partition(":")
    numbers = [int(second)] if second.isdigit() and second != "0" else []
    return numbers + ([int(first) - 128] if first.isdigit() and int(first) > 128 else [])


def _exit(code: str) -> int:
    first = code.partition(":")[0]
    return int(first) if first.isdigit() else 0
