"""workflow.upstream_failed: a run that could not succeed because a run that it needs failed, or made NaN."""

from __future__ import annotations

from ...facts import READ, RunFacts, UpstreamRun
from ..findings import FATAL, Evidence, Finding
from ..remedies.run_again import made_before
from .numerics import broken_weights
from .quoting import quote_checkpoint


def first_failed(facts: RunFacts) -> UpstreamRun | None:
    """The failed run that is farthest up the chain: those below it failed because of it."""
    failed = [run for run in facts.upstream if run.state == "failed"]
    return max(failed, key=lambda run: run.distance, default=None)


def detect(facts: RunFacts) -> list[Finding]:
    """A needed run failed and left nothing, or left weights that are no numbers."""
    if facts.state == "running":
        return []
    findings = []
    failed = first_failed(facts)
    if failed and facts.state == "failed" and any(a.role == "success" and a.state != READ for a in failed.artefacts):
        findings.append(_failed(facts, failed))
    for checkpoint in facts.checkpoints:
        if checkpoint.role in ("upstream", "teacher") and broken_weights(checkpoint) == "nan":
            finding = Finding(
                "workflow.upstream_failed", f"{checkpoint.run} made a model of NaN", FATAL, 0.8, "detector: upstream"
            )
            finding.upstream_run = checkpoint.run
            text = f"NaN or infinite values in {checkpoint.nan_tensors} of {checkpoint.tensor_count} tensors"
            finding.root_cause = (
                f"{checkpoint.source.path}, which this run reads, holds {text}: nothing computed with it is a number."
            )
            finding.evidence = [quote_checkpoint(checkpoint, text)]
            finding.confirmed_by = ["the checkpoint"]
            then = f"Train {checkpoint.run} again (see its own diagnosis), then this run."
            finding.fix = [made_before(facts, checkpoint.source.path, then, stays=False)]
            finding.prevention = ["Refuse a checkpoint with NaN when it is loaded."]
            finding.would_refute = "finite weights"
            finding.explains = ["training.*", "gpu.device_assert", "code.bug"]
            findings.append(finding)
    return findings[:2]


def _failed(facts: RunFacts, failed: UpstreamRun) -> Finding:
    finding = Finding(
        "workflow.upstream_failed", f"{failed.run}, which this run needs, failed", FATAL, 0.75, "detector: upstream"
    )
    finding.upstream_run = failed.run
    missing = next(a for a in failed.artefacts if a.role == "success")
    finding.root_cause = f"This run needs {missing.path}, which is not there because {failed.run} failed"
    finding.root_cause += f': "{failed.evidence[-1].text.strip()[:200]}".' if failed.evidence else "."
    finding.evidence = [
        Evidence(failed.evidence_source, line.text, line.number, "upstream", failed.run) for line in failed.evidence
    ]
    finding.evidence.append(Evidence(missing.path, f"{missing.path} is {missing.state}", None, "upstream", failed.run))
    then = f"Correct {failed.run} first (see its own diagnosis), then run this one again."
    finding.fix = [made_before(facts, missing.path, then)]
    finding.prevention = ["Start the runs through the workflow, which does not start a run whose inputs are missing."]
    finding.would_refute = f"{missing.path} being there"
    finding.explains = ["model.checkpoint_missing", "workflow.missing_input", "slurm.dependency", "data.missing"]
    if _refused_for(facts, missing.path):
        finding.explains += ["config.*", "code.bug"]
    return finding


def _refused_for(facts: RunFacts, path: str) -> bool:
    """Whether the run stopped by itself because of that file: an exception's message names it."""
    return any(
        path in exception.message
        for log in facts.logs
        for traceback in log.tracebacks
        for exception in traceback.exceptions
    )
