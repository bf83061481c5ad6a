"""NaN, infinities and explosion: in the curves, in the checkpoint, and the settings that make them.

`not_finite`, `exploded` and `broken_weights` are the judgements; screening uses the same.
"""

from __future__ import annotations

import re
from itertools import islice

from ...facts import Checkpoint, Curve, RunFacts, TensorFacts
from ..findings import FATAL, HINT, Evidence, Finding, Fix
from ..remedies.shell import argument
from .quoting import (
    config_value,
    log_lines,
    number,
    own_checkpoints,
    quote_checkpoint,
    quote_config,
    quote_last,
    quote_line,
    quote_nonfinite,
    trains,
)
from .usual_values import LARGEST_LEARNING_RATE, learning_rate, set_back, usual_value

# A loss that ends ten times above its beginning is no noise: over-fitting doubles a validation loss, seldom more.
DIVERGENCE_FACTOR = 10.0
# Training and validation losses may be reduced differently (sum or mean over some ten terms), not by this much.
FIRST_EPOCH_FACTOR = 100.0
# No mean or sum over a batch of normalised features comes near; the largest sum-reduced losses are around 1e6.
EXPLODED_LOSS = 1e8
# A rate so many times the usual is believed only if the loss fell all the same, by at least this share.
FAR_ABOVE_FACTOR, IMPROVED_SHARE = 100.0, 0.01
# Trained weights are below 100; statistics of BatchNorm are no weights and may be larger.
EXPLODED_WEIGHT = 1e4
_LOGGED = re.compile(r"(?i)loss\w*['\"]?\s{0,3}[=:\s]\s{0,3}[-+]?(?:nan|inf)\b")
_STATISTICS = ("num_batches_tracked", "running_mean", "running_var", "exp_avg", "step")
_WHOLE_NUMBERS = ("int", "uint")  # ids, counts and packed weights, eight of four bits in an int32


def is_loss(metric: str) -> bool:
    """Whether a metric is a loss or a gradient norm: what must stay finite and may not explode."""
    name = metric.lower()
    return "loss" in name or "grad_norm" in name or name in ("elbo", "nll", "perplexity")


def not_finite(curve: Curve) -> bool:
    """A loss that becomes NaN or infinite and ends so; a single overflow that a gradient scaler skipped is none."""
    if curve.first_nonfinite_step is None or not is_loss(curve.metric):
        return False
    last = number(curve.points[-1][1]) if curve.points else None
    return last is None or last != last or abs(last) == float("inf")


def exploded(curve: Curve) -> str:
    """How a finite loss exploded, in words with numbers; empty if it did not."""
    values = [
        v for v in (number(point[1]) for point in curve.points) if v is not None and abs(v) != float("inf") and v == v
    ]
    # The entropy of a policy is a bonus, called a loss or not: it rises where it explores.
    if not is_loss(curve.metric) or "entropy" in curve.metric.lower() or not values:
        return ""
    if abs(values[-1]) >= EXPLODED_LOSS:
        return f"{curve.metric} ends at {values[-1]:.3g}"
    if len(values) < 2 or values[0] <= 0:
        return ""
    last = values[-max(1, len(values) // 4) :]
    # A third of the last quarter: one spike is no divergence, and a diverged loss may jump back to 0 between.
    if sum(value >= DIVERGENCE_FACTOR * values[0] for value in last) * 3 >= len(last):
        return f"{curve.metric} rose from {values[0]:.4g} to {max(last):.4g} ({max(last) / values[0]:.3g} times)"
    return ""


def exploded_at_once(curves: list[Curve]) -> tuple[Curve, str] | None:
    """A validation loss that is never near the training loss of the first steps: it exploded in the first epoch."""
    first = next((v for c in curves if c.metric.startswith("train") and is_loss(c.metric) and (v := _first(c))), None)
    for curve in curves:
        if first is None or first <= 0 or not curve.metric.startswith("val") or not is_loss(curve.metric):
            continue
        if curve.minimum is not None and curve.minimum >= FIRST_EPOCH_FACTOR * first:
            how = f"{curve.metric} is never below {curve.minimum:.4g}, the first training loss was {first:.4g}"
            return curve, how
    return None


def _first(curve: Curve) -> float | None:
    value = number(curve.points[0][1]) if curve.points else None
    return value if value is not None and value == value and abs(value) != float("inf") else None


def broken_weights(checkpoint: Checkpoint) -> str:
    """What is wrong with a checkpoint's numbers: "nan", "huge" or "" """
    if checkpoint.nan_tensors or any(t.nan or t.infinite for t in checkpoint.tensors):
        return "nan"
    return "huge" if any((t.largest or 0.0) >= EXPLODED_WEIGHT for t in _weights(checkpoint)) else ""


def _weights(checkpoint: Checkpoint) -> list[TensorFacts]:
    return [
        t for t in checkpoint.tensors if not t.name.endswith(_STATISTICS) and not t.dtype.startswith(_WHOLE_NUMBERS)
    ]


def detect(facts: RunFacts) -> list[Finding]:
    """training.nan_loss and training.divergence."""
    if not trains(facts):
        return []
    nan_curves = [c for c in facts.curves if not_finite(c)]
    broken = [(c, broken_weights(c)) for c in own_checkpoints(facts)]
    nan_weights = [c for c, what in broken if what == "nan"]
    explosions = [(c, how) for c in facts.curves if (how := exploded(c))]
    if not explosions and (at_once := exploded_at_once(facts.curves)):
        explosions = [at_once]
    huge_weights = [c for c, what in broken if what == "huge"]
    if nan_curves:
        return [_nan_loss(facts, nan_curves, nan_weights)]
    rate_key, rate = learning_rate(facts)
    if nan_weights and not (rate is not None and rate > LARGEST_LEARNING_RATE):
        return [_nan_loss(facts, [], nan_weights)]
    if nan_weights or explosions or huge_weights:
        return [_divergence(facts, explosions, nan_weights or huge_weights)]
    if any(c.first_nonfinite_step is not None and is_loss(c.metric) for c in facts.curves):
        return [_passing(facts)]
    if rate is not None and (
        rate > LARGEST_LEARNING_RATE or (_far_above(facts, rate_key, rate) and not improved(facts.curves))
    ):
        return [_absurd_rate(facts, rate_key, rate)]
    return []


def _far_above(facts: RunFacts, key: str, rate: float) -> bool:
    usual = number(usual_value(facts, key))
    return usual is not None and rate >= FAR_ABOVE_FACTOR * usual


def improved(curves: list[Curve], share: float = IMPROVED_SHARE) -> bool:
    """Whether a validation loss fell below its first value by a share of it; True where no curve tells."""
    told = [
        c for c in curves if c.metric.startswith("val") and is_loss(c.metric) and c.count > 1 and c.minimum is not None
    ]
    for curve in told:
        first = _first(curve)
        if first is None or (first - (curve.minimum or 0.0)) >= share * abs(first):
            return True
    return not told


def _nan_loss(facts: RunFacts, curves: list[Curve], checkpoints: list[Checkpoint]) -> Finding:
    finding = Finding("training.nan_loss", "The loss became NaN", FATAL, 0.9, "detector: numerics")
    if curves:
        first = curves[0]
        where = f"{first.metric} is not finite from {first.x} {first.first_nonfinite_step:g} on"
        finding.evidence.append(quote_nonfinite(first, where))
        finding.evidence += [quote_nonfinite(c) for c in curves[1:3]]
        finding.confirmed_by.append("the training curve")
        last_good = next((f"{c.metric} {c.maximum:g} before it" for c in curves if c.maximum is not None), "")
        finding.root_cause = f"{where}{f' ({last_good})' if last_good else ''}. "
    else:
        finding.root_cause = "The weights became NaN, though no loss was logged that shows it. "
        for log, line, _ in islice(log_lines(facts, _LOGGED), 1):
            finding.evidence.append(quote_line(log, line))
            finding.confirmed_by.append("the log")
            finding.root_cause = (
                f"The loss is not finite from line {line.number} of {log.source.path.rpartition('/')[2]} on. "
            )
    for checkpoint in checkpoints[:2]:
        finding.evidence.append(_count(checkpoint))
        finding.root_cause += (
            f"{_count(checkpoint).text}; the run ended as if all was well and left them in {checkpoint.source.path}. "
        )
    if curves and checkpoints:
        finding.confirmed_by.append("the checkpoint")
    finding.root_cause += _why(facts, finding)
    finding.fix.append(_settings(facts))
    finding.fix += [
        Fix(f"Delete {c.source.path}: its weights are NaN.", f"rm {argument(c.source.path)}", None, c.source.path)
        for c in checkpoints[:1]
    ]
    finding.prevention = _PREVENTION
    finding.would_refute = "finite values in the last row of the curve and in every tensor of the checkpoint"
    # What a model of NaN weights goes on to show.
    finding.explains = [
        "training.collapse",
        "training.no_learning",
        "training.threshold",
        "gpu.device_assert",
        "data.label_out_of_range",
    ]
    return finding


def _divergence(facts: RunFacts, explosions: list[tuple[Curve, str]], checkpoints: list[Checkpoint]) -> Finding:
    finding = Finding("training.divergence", "Training diverged", FATAL, 0.85, "detector: numerics")
    for curve, how in explosions[:2]:
        finding.evidence.append(quote_last(curve, how))
        finding.root_cause += f"{how}. "
    for checkpoint in checkpoints[:1]:
        finding.evidence.append(_count(checkpoint))
        finding.root_cause += f"{_count(checkpoint).text}. "
    if explosions:
        finding.confirmed_by.append("the training curve")
    if checkpoints:
        finding.confirmed_by.append("the checkpoint")
    finding.root_cause += _why(facts, finding)
    finding.fix.append(_settings(facts))
    finding.prevention = _PREVENTION
    finding.would_refute = "a loss that ends below its beginning, and weights of ordinary size"
    finding.explains = ["training.collapse", "training.no_learning", "training.threshold"]
    return finding


def _passing(facts: RunFacts) -> Finding:
    curve = next(c for c in facts.curves if c.first_nonfinite_step is not None and is_loss(c.metric))
    return Finding(
        "training.nan_loss", "The loss was not finite for a while", HINT, 0.3, "detector: numerics",
        root_cause=f"{curve.metric} was not finite at {curve.x} {curve.first_nonfinite_step:g}, but is finite "
"at the end.",
        evidence=[quote_nonfinite(curve)], fix=[_settings(facts)], prevention=_PREVENTION,
    )  # fmt: skip


def _absurd_rate(facts: RunFacts, key: str, rate: float) -> Finding:
    constant = [c for c in facts.curves if c.metric.endswith("acc") and c.count > 1 and c.minimum == c.maximum]
    finding = Finding("config.invalid", f"{key} of {rate:g} is far out of range", FATAL, 0.6, "detector: numerics")
    if constant:
        finding.id, finding.title, finding.confidence = "training.divergence", "Training diverged", 0.75
        finding.evidence.append(quote_last(constant[0], f"{constant[0].metric} never moved"))
        finding.confirmed_by.append("the training curve")
    finding.root_cause = f"Nothing can be learnt at that rate. {_why(facts, finding)}"
    finding.fix.append(_settings(facts))
    finding.prevention = _PREVENTION
    finding.would_refute = "a loss that falls over the epochs"
    # What a log says of NaN or divergence is the cause by its own name; the rate stands in its explanation and fix.
    finding.explains = ["training.collapse", "training.no_learning", "training.threshold", "training.generalisation"]
    return finding


def _count(checkpoint: Checkpoint) -> Evidence:
    if checkpoint.nan_tensors:
        text = f"NaN or infinite values in {checkpoint.nan_tensors} of {checkpoint.tensor_count} tensors"
        worst = next((t for t in checkpoint.tensors if t.nan or t.infinite), None)
        text += f", {worst.nan + worst.infinite} in {worst.name} {worst.shape}" if worst else ""
    else:
        largest = max(_weights(checkpoint), key=lambda t: t.largest or 0.0)
        text = f"{largest.name} holds values up to {largest.largest:.3g}"
    return quote_checkpoint(checkpoint, text)


def _why(facts: RunFacts, finding: Finding) -> str:
    """The settings that explain it, in words, and their lines added to the evidence."""
    reasons = []
    key, rate = learning_rate(facts)
    usual = number(usual_value(facts, key)) if key else None
    if rate is not None and usual and rate >= DIVERGENCE_FACTOR * usual:
        finding.evidence += quote_config(facts, key, f"the preset or the siblings have {usual:g}")
        finding.confirmed_by.append("the configuration")
        reasons.append(f"{key} is {rate:g}, {rate / usual:.6g} times the usual {usual:g}")
    elif rate is not None and rate > LARGEST_LEARNING_RATE:
        finding.evidence += quote_config(facts, key)
        finding.confirmed_by.append("the configuration")
        reasons.append(f"{key} is {rate:g}: each step replaces the weights instead of correcting them")
    clip = config_value(facts, "gradient_clip")
    if facts.config and "gradient_clip" in facts.config.values and not clip:
        finding.evidence += quote_config(facts, "gradient_clip")
        reasons.append("gradient clipping is off")
    if "16" in str(config_value(facts, "precision") or "") and "bf16" not in str(config_value(facts, "precision")):
        reasons.append(f"precision is {config_value(facts, 'precision')}, whose largest number is 65504")
    if facts.cache and facts.cache.nan_graphs:
        reasons.append(f"{facts.cache.nan_graphs} cached graphs hold NaN")
    return f"Behind it: {'; '.join(reasons)}." if reasons else _nothing_explains(facts)


def _nothing_explains(facts: RunFacts) -> str:
    return "No setting in config.json explains it." if facts.config and facts.config.values else ""


def _settings(facts: RunFacts) -> Fix:
    key, rate = learning_rate(facts)
    usual = usual_value(facts, key) if key else None
    values: dict[str, object] = {}
    if key and rate is not None:
        same = number(usual) == rate
        values[key] = rate / 10 if usual is None or same else usual
    if facts.config and "gradient_clip" in facts.config.values and not config_value(facts, "gradient_clip"):
        values["gradient_clip"] = usual_value(facts, "gradient_clip") or 1.0
    shown = ", ".join(f"{k} {v}" for k, v in values.items())
    return set_back(facts, values, f"Train again with {shown or 'a smaller learning rate and gradient clipping'}.")


_PREVENTION = [
    "Fail the run on a non-finite loss: EarlyStopping(check_finite=True) only stops it; raise before the "
    "checkpoint is saved.",
    "Refuse learning rates outside 1e-8 … 1 when the configuration is validated.",
]
