"""A setting and its value as the run had it: from its configuration, else from what its log prints of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ...facts import RunFacts

LEARNING_RATE = ("lr", "learning_rate", "learning-rate", "learning rate", "base_lr", "init_lr", "max_lr", "lr_init")
BATCH_SIZE = (
    "batch_size", "batch-size", "per_device_train_batch_size", "train_batch_size", "per_gpu_train_batch_size",
    "micro_batch_size", "train_micro_batch_size_per_gpu", "samples_per_gpu", "imgs_per_gpu", "bs",
)  # fmt: skip
_NUMBER = r"(?P<value>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"
# `--lr 0.1`, `lr=0.1` of a Namespace, `"lr": 0.1` of JSON, `lr: 0.1` of YAML; no part of a longer name or number.
_PRINTED = r"(?:^|[\s,({{\[\"'|-]){name}[\"']?(?:\s*[:=]\s*|\s+){number}(?=$|[\s,)}}\]\"'|;])"


@dataclass(frozen=True)
class Setting:
    """A numeric setting by the name that the run has for it. Empty name: nothing tells."""

    name: str = ""
    value: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.name)

    def times(self, factor: float) -> int | float:
        """The value times a factor, as short as it can be written; of an integer an integer, at least 1."""
        if self.value >= 1 and self.value == int(self.value) and factor <= 1:
            return max(1, math.floor(self.value * factor))
        return float(f"{self.value * factor:.3g}")


def setting(facts: RunFacts, names: tuple[str, ...]) -> Setting:
    """The first of these names that the configuration has, else the one that the log prints.

    A log that prints several values of it tells nothing, but of the learning rate: its schedule ends below what was
    set, which is near the largest of them.
    """
    for name in names if facts.config else ():
        key = facts.config.values.get(name) if facts.config else None
        if key and isinstance(key.value, int | float) and not isinstance(key.value, bool) and key.value > 0:
            return Setting(name, float(key.value))
    for name in names:
        expression = re.compile(_PRINTED.format(name=re.escape(name), number=_NUMBER))
        values = {
            float(found["value"])
            for log in facts.logs
            for line in log.lines
            if name in line.text and (found := expression.search(line.text))
        }
        if (len(values) == 1 or (values and names is LEARNING_RATE)) and (value := max(values)) > 0:
            return Setting(name.replace(" ", "_"), value)
    return Setting()
