"""What a config value usually is: the preset's, else the siblings' — the value that a fix sets it back to."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...facts import RunFacts
from ..findings import Fix
from ..remedies.run_again import rerun
from .quoting import config_value, number, stage_settings

# A step of an adaptive optimiser is about lr per weight, and weights are about 0.1: steps of 1 replace them outright.
LARGEST_LEARNING_RATE = 1.0
# Below this a step is lost in rounding: float32 resolves 7e-9 at a weight of 0.1.
SMALLEST_LEARNING_RATE = 1e-8


def usual_value(facts: RunFacts, key: str) -> Any:
    """The preset's value for the stage, else the one that most siblings have, else the project's default, else None."""
    preset = (stage_settings(facts).get("defaults") or {}).get(key)
    if preset is not None:
        return preset
    values = [
        repr(flat[key])
        for run, flat in facts.siblings.items()
        if key in flat and (not facts.stage or facts.stage in run)
    ]
    if not values:  # a layout without stages: runs with the same keys are of the same program
        own = set(facts.config.values) if facts.config else set()
        values = [repr(flat[key]) for flat in facts.siblings.values() if key in flat and set(flat) == own]
    originals = {repr(flat[key]): flat[key] for flat in facts.siblings.values() if key in flat}
    common = Counter(values).most_common(1)
    if common and common[0][0] != repr(config_value(facts, key)):
        return originals[common[0][0]]
    return (facts.profile.get("defaults") or {}).get(key)


def learning_rate_key(facts: RunFacts) -> str:
    """The config key of the learning rate that the run's stage uses; empty if there is none."""
    named = [key for key in stage_settings(facts).get("defaults") or {} if key == "lr" or key.endswith("_lr")]
    candidates = [*named, f"{facts.stage}_lr", "lr", "learning_rate", "optimizer.lr", "training.lr", "train.lr"]
    return next((key for key in candidates if config_value(facts, key) is not None), "")


def learning_rate(facts: RunFacts) -> tuple[str, float | None]:
    """Key and value of the learning rate that the stage uses."""
    key = learning_rate_key(facts)
    return key, number(config_value(facts, key)) if key else None


def set_back(facts: RunFacts, values: dict[str, Any], text: str) -> Fix:
    """A fix that changes config values and runs the stage again; keys without a value are left out."""
    given = {key: value for key, value in values.items() if value is not None}
    return Fix(text, rerun(facts, given) or None if given else None, given or None)
