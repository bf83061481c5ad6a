"""How a failure is prevented that is known by its exception alone: one habit per cause."""

from __future__ import annotations

_BY_CAUSE = {
    "code.bug": "Run the stage once on a small sample before the whole workflow is submitted: it takes a minute.",
    "code.library_conflict": "Keep the environment in a lock file, and change versions on purpose.",
    "config.invalid": "Check settings when they are read, before the job is submitted: value, and what is allowed.",
    "data.malformed": "Check columns and types when data come in, and name file and line of what does not fit.",
    "data.missing": "Declare inputs in the workflow's rules, so that nothing starts without them.",
    "model.checkpoint_corrupt": "Write a checkpoint under another name and rename it when it is whole: "
    "`torch.save(state, tmp); os.replace(tmp, path)`.",
    "model.checkpoint_missing": "Declare the checkpoint as input of the rule that reads it.",
    "model.shape_mismatch": "Check the shapes of one batch when the model is built.",
    "tracking.database": "Write the record in one short transaction at the end, with a time-out and retries.",
    "training.nan_loss": "Clip gradients, warm the learning rate up, and stop at the first loss that is not finite.",
    "training.divergence": "Clip gradients and warm the learning rate up.",
}


def preventions(cause: str) -> list[str]:
    """What prevents a cause; empty if nothing is known beyond what prevents any failure."""
    return [_BY_CAUSE[cause]] if cause in _BY_CAUSE else []
