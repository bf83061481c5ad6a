"""Settings so far out that nothing can be learnt at any learning rate: a gradient cut to nothing, a dropout of 1.

The limits were measured on small classifiers (Adam and SGD, with and without BatchNorm): at them the loss fell by
less than a fifth in 360 steps, where it fell by 80 % without them; farther out it did not move.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...facts import RunFacts
from .distillation import SIZE_KEY
from .quoting import config_value, number
from .usual_values import usual_value


@dataclass(frozen=True)
class Throttle:
    """A kind of setting. below, above: values that stop learning; off: turns it off; usual: where none is known."""

    key: re.Pattern[str]
    why: str
    usual: float
    below: float | None = None
    above: float | None = None
    off: float | None = None

    def stops(self, value: float) -> bool:
        """Whether nothing is learnt with that value."""
        if value == self.off or value < 0 or value != value:
            return False
        return (self.below is not None and value <= self.below) or (self.above is not None and value >= self.above)


def _key(names: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[._])(?:{names})$", re.I)


THROTTLES = (
    Throttle(
        _key(
            r"(?:grad(?:ient)?s?_?clip(?:ping)?|clip_?grad(?:ient)?s?|clip)(?:_?(?:val|value|norm|threshold))?"
            r"|max_?grad_?norm|clip_?(?:norm|value)"
        ),
        "every gradient is cut to that size, and a step of it changes no weight by more than rounding does",
        1.0, below=1e-8, off=0.0,
    ),
    Throttle(_key(r"(?:\w+_)?drop_?out(?:_(?:rate|p|prob))?"), "nothing passes through", 0.2, above=0.99),
    Throttle(_key(r"(?:\w+_)?label_?smoothing"), "all classes are the same target", 0.1, above=0.9),
    Throttle(
        _key(r"weight_?decay|l2(?:_(?:reg|penalty))?"), "weights are pulled to zero faster than they can learn",
        1e-4, above=0.5,
    ),
    Throttle(
        _key(r"(?:adam|adamw|opt(?:im(?:izer)?)?)[._](?:eps|epsilon)"), "every step is divided by that", 1e-8, above=1.0
    ),
    Throttle(
        _key(r"(?:lr|scheduler|exp(?:onential)?)[._]?(?:gamma|decay(?:_rate)?)"),
        "the learning rate is next to nothing after its first decay", 0.1, below=1e-2,
    ),
)  # fmt: skip
# Of what no line above knows: so many times the usual value, or below it, is no choice but a slip.
FAR = 1e4
# What may differ as much without harm: how much and how long, and on what machine.
_AMOUNT = re.compile(r"seed|epoch|step|batch|worker|sample|size|episode|buffer|time|memory|trial|limit|max_|port|every")


@dataclass(frozen=True)
class Stop:
    """A setting that stops learning: its key and value, what that does, and what it should be."""

    key: str
    value: float
    why: str
    usual: Any

    @property
    def text(self) -> str:
        """In words, with what is usual."""
        return f"{self.key} is {self.value:g}: {self.why}; usual is {self.usual}."


def stops(facts: RunFacts) -> list[Stop]:
    """The settings of the run with which nothing can be learnt."""
    found = []
    for key in facts.config.values if facts.config else {}:
        value = number(config_value(facts, key))
        throttle = next((t for t in THROTTLES if t.key.search(key)), None)
        if value is None or throttle is None or not throttle.stops(value) or not used_by_stage(facts, key):
            continue
        if "gamma" in throttle.key.pattern and config_value(facts, "use_scheduler") is False:
            continue
        usual = number(usual_value(facts, key))
        sane = usual is not None and not throttle.stops(usual) and usual != throttle.off
        found.append(Stop(key, value, throttle.why, usual_value(facts, key) if sane else throttle.usual))
    return found


def far_from_usual(facts: RunFacts) -> list[Stop]:
    """Settings that are orders of magnitude from the preset's or the siblings': what to look at where all else fits."""
    found = []
    for key in facts.config.values if facts.config else {}:
        value, usual = number(config_value(facts, key)), number(usual_value(facts, key))
        if not value or not usual or _AMOUNT.search(key) or not used_by_stage(facts, key):
            continue
        if not 1 / FAR < abs(value / usual) < FAR:
            times = f"{value / usual:.0e} times the usual value"
            found.append(Stop(key, value, times, usual_value(facts, key)))
    return found


def used_by_stage(facts: RunFacts, key: str) -> bool:
    """Whether the stage uses a key: those of other models carry another model's prefix."""
    words = " ".join((facts.profile.get("stages") or {}).get(facts.stage, {}).get("rule_words") or [])
    prefix = key.split("_")[0]
    prefixes = {k.split("_")[0] for k in (facts.config.values if facts.config else {}) if SIZE_KEY.search(k)}
    return prefix not in prefixes or not words or prefix in words or (facts.stage == "normal" and prefix == "gat")
