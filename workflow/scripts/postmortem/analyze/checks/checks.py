"""Which independent facts confirm or refute what a log claims: a hypothesis is tested, not repeated.

One function per kind of cause; each adds what it finds to the support of the finding, which stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from ...facts import RunFacts
from ..findings import Finding, Support
from . import artefacts, data, schedulers, training

Check = Callable[[Finding, RunFacts, Support], None]

# The start of a finding's id → what can be looked at. A finding from accounting is not confirmed by accounting.
CHECKS: list[tuple[tuple[str, ...], Check]] = [
    (("data.id_out_of_range", "gpu.device_assert", "gpu.illegal_access"), data.ids),
    (("data.feature_mismatch", "model.shape_mismatch"), data.widths),
    (("data.empty",), data.emptiness),
    (("data.malformed",), data.values),
    (("data.missing", "io.permission"), data.named_path),
    (("training.dtype_mismatch",), data.types),
    (("model.state_dict_mismatch", "data.feature_mismatch"), artefacts.shapes),
    (("model.checkpoint_corrupt",), artefacts.damage),
    (("model.checkpoint_missing", "workflow.missing_input", "data.missing"), artefacts.absence),
    (("config.invalid", "config.mismatch"), artefacts.config_and_values),
    (("tracking.database", "tracking.mlflow"), artefacts.database),
    (("training.nan_loss", "training.divergence"), training.curve),
    (("training.nan_loss",), training.invalid_values),
    (("gpu.oom", "host.oom"), training.sizes),
    (("slurm.", "host.", "run.interrupted", "env.activation"), schedulers.accounting),
    (("slurm.timeout",), schedulers.pace),
    (("code.import", "code.syntax", "env.", "config.invalid"), schedulers.start_up),
    (("slurm.submit_rejected", "slurm.output_unwritable", "slurm.dependency"), schedulers.never_started),
    (("host.crash", "host.killed", "host.oom", "host.node_failure"), schedulers.died_without_a_word),
    (("tracking.mlflow",), training.recorded_parameters),
    (("code.bug",), training.workers),
    (("",), training.tracked_error),
]


def confirm(finding: Finding, facts: RunFacts) -> Support:
    """What other kinds of evidence say about a claim of the log."""
    support = Support()
    for starts, check in CHECKS:
        if finding.id.startswith(starts):
            check(finding, facts, support)
    return support
