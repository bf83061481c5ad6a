"""Checkpoints that are missing, damaged or hostile: the run's own, and those that it reads."""

from __future__ import annotations

from ...collect.files.data import is_dangerous
from ...facts import ABSENT, UNREADABLE, Checkpoint, RunFacts
from ..findings import FATAL, HINT, SYMPTOM, Finding, Fix
from ..remedies.run_again import made_before
from ..remedies.shell import argument
from .quoting import quote_checkpoint

_DAMAGED = ("truncated", "empty", "not_a_checkpoint")


def detect(facts: RunFacts) -> list[Finding]:
    """model.checkpoint_corrupt and model.checkpoint_missing."""
    findings = []
    failed = facts.state in ("failed", "unknown")
    for checkpoint in facts.checkpoints:
        dangerous = [name for name in checkpoint.refused_globals if is_dangerous(name)]
        if dangerous:
            findings.append(_hostile(checkpoint, dangerous))
        elif checkpoint.problem in _DAMAGED and (failed or checkpoint.role == "own"):
            findings.append(_damaged(facts, checkpoint))
        elif checkpoint.source.state == ABSENT and checkpoint.role != "own" and failed:
            findings.append(_missing(facts, checkpoint))
        elif checkpoint.source.state == UNREADABLE and not checkpoint.problem and failed:
            findings.append(_forbidden(checkpoint))
        elif checkpoint.refused_globals and failed:
            findings.append(_refused(checkpoint))
    return findings


def _damaged(facts: RunFacts, checkpoint: Checkpoint) -> Finding:
    own = checkpoint.role == "own"
    # A run that failed leaves a half-written file: a consequence, not the cause, unless nothing else explains it.
    role = SYMPTOM if own and facts.state != "complete" and facts.state != "suspect" else FATAL
    finding = Finding(
        "model.checkpoint_corrupt", f"{checkpoint.source.path} is damaged", role, 0.8, "detector: checkpoints"
    )
    finding.root_cause = (
        f"{checkpoint.source.path} ({checkpoint.size} bytes) cannot be loaded: {checkpoint.source.reason}."
    )
    finding.evidence = [quote_checkpoint(checkpoint, checkpoint.source.reason, f"{checkpoint.size} bytes")]
    finding.fix = [
        made_before(
            facts,
            checkpoint.source.path,
            f"Restore {checkpoint.source.path} from a backup, or train the run that makes it again.",
            stays=False,
        )
    ]
    finding.prevention = [
        "Save checkpoints to a temporary file and rename it.",
        "Check that a checkpoint loads before the run ends well.",
    ]
    finding.would_refute = "a file that opens with torch.load(weights_only=True)"
    finding.explains = ["model.state_dict_mismatch", "code.bug", "io.stale_filesystem"]
    return finding


def _hostile(checkpoint: Checkpoint, names: list[str]) -> Finding:
    finding = Finding("model.checkpoint_corrupt", "A checkpoint would run code", FATAL, 0.85, "detector: checkpoints")
    finding.root_cause = (
        f"{checkpoint.source.path} names {', '.join(names[:4])}: loading it without "
        "weights_only would run that. It was not run here."
    )
    finding.evidence = [quote_checkpoint(checkpoint, ", ".join(names[:4]), "globals in its pickle")]
    finding.fix = [
        Fix(
            "Do not load it. Find out who wrote it, delete it, and restore or retrain it.",
            None,
            None,
            checkpoint.source.path,
        )
    ]
    finding.prevention = ["Load checkpoints with torch.load(…, weights_only=True) only."]
    return finding


def _refused(checkpoint: Checkpoint) -> Finding:
    finding = Finding(
        "model.checkpoint_corrupt", "weights_only refuses a checkpoint", HINT, 0.3, "detector: checkpoints"
    )
    names = ", ".join(checkpoint.refused_globals[:4])
    finding.root_cause = (
        f"{checkpoint.source.path} holds objects of {names}, which torch.load(weights_only=True) refuses."
    )
    finding.evidence = [quote_checkpoint(checkpoint, names, "globals in its pickle")]
    finding.fix = [
        Fix(
            f"Save the state_dict alone, or allow {names} with torch.serialization.add_safe_globals.",
            None,
            None,
            checkpoint.source.path,
        )
    ]
    return finding


def _missing(facts: RunFacts, checkpoint: Checkpoint) -> Finding:
    finding = Finding(
        "model.checkpoint_missing", f"{checkpoint.source.path} is not there", SYMPTOM, 0.55, "detector: checkpoints"
    )
    finding.root_cause = f"This run reads {checkpoint.source.path}, which is not there."
    finding.evidence = [
        quote_checkpoint(
            checkpoint, checkpoint.source.reason, f"needed from {checkpoint.run}" if checkpoint.run else ""
        )
    ]
    finding.fix = [
        made_before(facts, checkpoint.source.path, f"Run {checkpoint.run or 'the run that makes it'} first.")
    ]
    finding.prevention = ["Let the workflow make what a run needs, instead of starting it by hand."]
    return finding


def _forbidden(checkpoint: Checkpoint) -> Finding:
    finding = Finding(
        "io.permission", f"{checkpoint.source.path} cannot be opened", SYMPTOM, 0.5, "detector: checkpoints"
    )
    finding.root_cause = f"{checkpoint.source.path}: {checkpoint.source.reason}."
    finding.evidence = [quote_checkpoint(checkpoint, checkpoint.source.reason)]
    finding.fix = [
        Fix("Correct its owner or mode.", f"ls -l {argument(checkpoint.source.path)}", None, checkpoint.source.path)
    ]
    return finding
