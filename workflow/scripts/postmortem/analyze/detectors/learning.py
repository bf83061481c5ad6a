"""Training that ended well and changed nothing: a constant loss, a learning rate of nothing, one constant answer."""

from __future__ import annotations

import math

from ...facts import Checkpoint, Curve, RunFacts
from ..findings import FATAL, HINT, Finding, Fix
from .numerics import IMPROVED_SHARE, improved, is_loss, not_finite
from .quoting import config_value, number, own_checkpoints, quote_checkpoint, quote_config, quote_last, trains
from .throttles import Stop, far_from_usual, stops
from .usual_values import SMALLEST_LEARNING_RATE, learning_rate, set_back, usual_value

# Two float32 evaluations of the same weights agree to about 1e-7; a trained model's losses differ by percents.
CONSTANT_SHARE = 1e-5
# Below this share of its first value a loss has not moved for any practical purpose.
UNMOVED_SHARE = 0.005
# Values of a curve before its standing still says anything.
CONSTANT_POINTS, UNMOVED_POINTS = 3, 8
# The same of a loss that is only printed, mostly with three or four digits.
PRINTED_POINTS, PRINTED_SMALL = 6, 0.1
# A classifier that says the same for every sample has the loss ln(2) = 0.693 at best, if classes are balanced.
CHANCE_LOSS, CHANCE_TOLERANCE = math.log(2), 0.01
# Weights that are all below this have decayed to nothing; initial ones are around 0.1.
DEAD_WEIGHT = 1e-6
# A learning rate so many times below the preset's explains a loss that does not move.
TOO_SMALL_FACTOR = 100.0
# So many times below, a fall of less than this share is that of BatchNorm's statistics, not of learning.
LOST_FACTOR, LEARNED_SHARE = 1000.0, 0.1


def constant(curve: Curve) -> bool:
    """A loss that has the same value at every evaluation."""
    if curve.count < CONSTANT_POINTS or curve.minimum is None or curve.maximum is None or not is_loss(curve.metric):
        return False
    # Printed with a few digits, a loss near its end stands still as well.
    printed = curve.source.reason.startswith("progress lines")
    if printed and (curve.count < PRINTED_POINTS or abs(curve.maximum) < PRINTED_SMALL):
        return False
    return curve.maximum - curve.minimum <= CONSTANT_SHARE * max(abs(curve.maximum), abs(curve.minimum), 1e-12)


def unmoved(curve: Curve) -> bool:
    """A validation loss that never got better than at its first evaluation by more than noise."""
    if curve.count < UNMOVED_POINTS or not curve.metric.startswith(("val", "valid")) or not is_loss(curve.metric):
        return False
    first = number(curve.points[0][1])
    if first is None or first != first or curve.minimum is None or curve.maximum is None:
        return False
    return curve.maximum - curve.minimum <= UNMOVED_SHARE * abs(first)


def settled_at_once(curve: Curve) -> bool:
    """A validation loss that stands still from its first half on, and did not fall before.

    Where no weight changes, the statistics of BatchNorm still move the loss for some epochs.
    """
    if curve.count < UNMOVED_POINTS or not curve.metric.startswith(("val", "valid")) or not is_loss(curve.metric):
        return False
    values = [v for v in (number(point[1]) for point in curve.points) if v is not None and math.isfinite(v)]
    rest = values[len(values) // 2 :]
    if len(rest) < CONSTANT_POINTS or max(rest) - min(rest) > CONSTANT_SHARE * abs(max(rest)):
        return False
    return values[0] - min(values) <= IMPROVED_SHARE * abs(values[0])


def dead_weights(checkpoint: Checkpoint) -> bool:
    """Every weight matrix is zero, or as good as."""
    weights = [
        t for t in checkpoint.tensors if t.name.endswith("weight") and len(t.shape) >= 2 and t.largest is not None
    ]
    return len(weights) >= 2 and all((t.largest or 0.0) < DEAD_WEIGHT and not t.nan for t in weights)


def one_answer(facts: RunFacts) -> tuple[Curve, Curve] | None:
    """A validation accuracy that never changes while the loss stands at that of guessing: (accuracy, loss)."""
    accuracy = next(
        (
            c
            for c in facts.curves
            if c.metric in ("val_acc", "val_accuracy", "val_f1")
            and c.count >= UNMOVED_POINTS
            and c.minimum == c.maximum
        ),
        None,
    )
    loss = next((c for c in facts.curves if c.metric == "val_loss" and c.minimum is not None), None)
    if accuracy is None or loss is None or loss.minimum is None:
        return None
    last = number(loss.points[-1][1])
    return (accuracy, loss) if last is not None and abs(last - CHANCE_LOSS) <= CHANCE_TOLERANCE else None


def detect(facts: RunFacts) -> list[Finding]:
    """training.no_learning and training.collapse of runs that trained."""
    if not trains(facts) or any(not_finite(c) for c in facts.curves):
        return []
    key, rate = learning_rate(facts)
    still = [c for c in facts.curves if constant(c)]
    slow = [c for c in facts.curves if unmoved(c) and c not in still]
    settled = [c for c in facts.curves if settled_at_once(c)]
    dead = [c for c in own_checkpoints(facts) if dead_weights(c)]
    tiny = rate is not None and rate < SMALLEST_LEARNING_RATE
    if dead:
        return [_dead(facts, dead[0])]
    named = stops(facts)
    if still or tiny:
        blamed = key if tiny or _too_small(facts, key, rate) else ""
        return [_no_learning(facts, still or slow, blamed, rate, named, 0.9)]
    if slow or settled:
        blamed = key if _too_small(facts, key, rate) else ""
        return [_no_learning(facts, slow or settled, blamed, rate, named, 0.85 if named else 0.7)]
    if _too_small(facts, key, rate, LOST_FACTOR) and not improved(facts.curves, LEARNED_SHARE):
        return [_no_learning(facts, [c for c in facts.curves if c.metric == "val_loss"], key, rate, named, 0.65)]
    if named and not improved(facts.curves, LEARNED_SHARE):
        return [_no_learning(facts, [c for c in facts.curves if c.metric == "val_loss"], "", rate, named, 0.75)]
    if named and not any(is_loss(c.metric) for c in facts.curves):
        return [_no_learning(facts, [], "", rate, named, 0.6)]
    if answer := one_answer(facts):
        return [_collapse(*answer, facts)]
    if _too_small(facts, key, rate):
        return [
            Finding(
                "training.no_learning", f"{key} of {rate:g} is very small", HINT, 0.35, "detector: learning",
                f"{key} is {rate:g}, usual is {usual_value(facts, key)}.", quote_config(facts, key),
                [set_back(facts, {key: usual_value(facts, key)}, f"Train again with {key} {usual_value(facts, key)}.")],
            )
        ]  # fmt: skip
    return []


def _too_small(facts: RunFacts, key: str, rate: float | None, factor: float = TOO_SMALL_FACTOR) -> bool:
    usual = number(usual_value(facts, key)) if key else None
    return rate is not None and usual is not None and rate * factor <= usual


def _no_learning(
    facts: RunFacts, curves: list[Curve], key: str, rate: float | None, named: list[Stop], confidence: float
) -> Finding:
    """key: of the learning rate, if that is too small. named: other settings that stop learning."""
    finding = Finding("training.no_learning", "The loss never moved", FATAL, confidence, "detector: learning")
    for curve in curves[:2]:
        finding.evidence.append(
            quote_last(
                curve,
                f"{curve.metric} between {curve.minimum:.9g} and {curve.maximum:.9g} in {curve.count} evaluations",
            )
        )
        finding.root_cause += (
            f"{curve.metric} stayed between {curve.minimum:.9g} and {curve.maximum:.9g} over "
            f"{curve.count} evaluations. "
        )
    if curves:
        finding.confirmed_by.append("the training curve")
    values: dict[str, object] = {}
    if key:
        finding.evidence[:0] = quote_config(facts, key)
        finding.confirmed_by.append("the configuration")
        usual = usual_value(facts, key)
        finding.root_cause += (
            f"{key} is {rate:g}: a step changes no weight by more than rounding "
            f"does{f'; usual is {usual}' if usual else ''}."
        )
        values[key] = usual or 1e-3
    elif not named:
        named = far_from_usual(facts)
    if not key and not named:
        finding.root_cause += (
            f"The learning rate {f'({rate:g}) ' if rate is not None else ''}is not the "
            "reason: look for a frozen or detached model, dead units, or a loss that does not depend on the weights."
        )
    for stop in named:
        finding.evidence[:0] = quote_config(facts, stop.key)
        finding.root_cause = f"{stop.text} {finding.root_cause}".strip()
        values[stop.key] = stop.usual
    if named:
        finding.confirmed_by.append("the configuration")
    text = (
        f"Train again with {', '.join(f'{k} {v}' for k, v in values.items())}."
        if values
        else "Check that gradients reach the weights (requires_grad, detach(), optimizer parameters), then train again."
    )
    finding.fix.append(
        set_back(facts, values, text)
        if values
        else Fix(text, set_back(facts, {"max_epochs": config_value(facts, "max_epochs")}, "").command)
    )
    finding.prevention = ["Log the gradient norm, and fail a run whose loss has not moved by 1 % after 10 epochs."]
    finding.would_refute = "a loss that differs between evaluations by more than rounding"
    # A value that is called out of range is the same fact, once more.
    finding.explains = ["training.collapse", "training.threshold", *(["config.invalid"] if named else [])]
    return finding


def _collapse(accuracy: Curve, loss: Curve, facts: RunFacts) -> Finding:
    finding = Finding(
        "training.collapse", "The model gives every sample the same answer", FATAL, 0.7, "detector: learning"
    )
    finding.evidence = [quote_last(accuracy, f"{accuracy.metric} is {accuracy.minimum:.4g} at every evaluation")]
    finding.root_cause = (
        f"{accuracy.metric} is {accuracy.minimum:.4g} at each of {accuracy.count} evaluations, the share of one "
        "class, and "
        f"{loss.metric} ends at {number(loss.points[-1][1]):.4g}, that of guessing (ln 2 = 0.693)."
    )
    finding.confirmed_by = ["the training curve"]
    key, _ = learning_rate(facts)
    finding.fix = [
        set_back(
            facts,
            {key: usual_value(facts, key)} if key else {},
            "Check class balance and weights, learning rate and weight decay, then train again.",
        )
    ]
    finding.prevention = ["Log precision and recall per class, and fail a run that predicts one class."]
    finding.would_refute = "an accuracy that changes between epochs"
    return finding


def _dead(facts: RunFacts, checkpoint: Checkpoint) -> Finding:
    finding = Finding("training.collapse", "Every weight is zero", FATAL, 0.85, "detector: learning")
    finding.evidence = [
        quote_checkpoint(
            checkpoint, f"no weight matrix of {checkpoint.tensor_count} tensors has a value above {DEAD_WEIGHT:g}"
        )
    ]
    finding.root_cause = (
        "All weight matrices of the checkpoint are zero: the model gives the same answer to every sample. "
    )
    decay = number(config_value(facts, "weight_decay"))
    values: dict[str, object] = {}
    if decay is not None and decay >= 0.1:
        finding.evidence += quote_config(facts, "weight_decay")
        finding.root_cause += f"weight_decay is {decay:g}, which pulls every weight to zero."
        finding.confirmed_by.append("the configuration")
        values["weight_decay"] = usual_value(facts, "weight_decay") or 1e-4
    finding.fix = [set_back(facts, values, "Train again with an ordinary weight decay and learning rate.")]
    finding.prevention = ["Log the norm of the weights."]
    finding.would_refute = "weights of ordinary size (0.01 … 10)"
    return finding
