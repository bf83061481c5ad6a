"""Labels of one class only: everything is classified rightly, and nothing was learnt or measured."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...facts import Curve, Metric, RunFacts
from ..findings import FATAL, Evidence, Finding, Fix
from ..remedies.run_again import rerun
from ..remedies.shell import argument
from .evaluation import FEWEST_SAMPLES
from .quoting import config_value, log_lines, number, quote_last, quote_line, quote_metric

# An untrained classifier's accuracy is the share of the class that it always says: 0 or 1 if there is one class only.
FEWEST_EVALUATIONS = 3
# So few steps do not make a new model faultless on two classes, not even where one id tells them apart: that took 14.
FEW_STEPS = 10
# Nothing is left of a cross-entropy whose answer is always the same and right.
SMALL_LOSS = 0.05
_ACCURACY = re.compile(r"^(?:val|valid|validation|eval|test)[_/.-].*acc(?:uracy)?$", re.I)
_SCORE = re.compile(r"(?:^|[_/.-])(?:f1(?:_score)?|recall|precision|sensitivity|auc|auroc|ap|mcc)$", re.I)
_LOSS = re.compile(r"^(?:val|valid|validation|eval|test)[_/.-].*loss$", re.I)
# What metrics print of labels that lack a class; alone it may be that of one batch or fold.
_SAID = re.compile(
    r"\bonly one class (?:is )?present in y_true|\bNo (?:positive|negative) samples in (?:targets?|y_true)"
    r"|\by_true contains only one (?:label|class)|\bROC AUC score is not defined|\bclasses not in y_true"
    r"|\ba single label was found in ['\"]?y_true",
    re.I,
)
_COUNTS = re.compile(
    r"\b(?:labels?|class(?:es)?|targets?)\b.{0,30}?(?P<counts>\{[^{}]{3,200}\}|\[[\d, .]{3,200}\])", re.I
)
_COUNT = re.compile(r"[:\[,]\s*(\d+)(?=\s*[,\]}])")
# By design: anomaly detection that learns what is normal, a scenario without attacks.
_MEANT_KEY = re.compile(r"one_?class|(?:normal|benign|healthy|attack_?free)_?only|only_?(?:normal|benign)", re.I)
_MEANT_NAME = re.compile(r"attack_?free|benign|normal|healthy|clean", re.I)


def detect(facts: RunFacts) -> list[Finding]:
    """data.malformed: the labels that a classifier was trained or measured on are all the same."""
    if facts.state in ("failed", "running") or _is_meant(facts):
        return []
    evidence = _of_metrics(facts) or _of_curves(facts)
    if not evidence:
        return []
    what, quotes, confidence = evidence
    finding = Finding("data.malformed", "The labels are of one class only", FATAL, confidence, "detector: one_class")
    finding.root_cause = f"{what}: there is one class only among the labels, and nothing to tell apart."
    finding.evidence = quotes
    finding.confirmed_by = ["the metrics" if quotes[0].kind == "metrics" else "the training curve"]
    for item, words in _confirmations(facts):
        finding.evidence.append(item)
        finding.confirmed_by.append(words)
    cache = ((facts.profile.get("data") or {}).get("cache") or "").replace("{dataset}", facts.dataset)
    again = rerun(facts)
    commands = [f"rm -r {argument(cache)}"] if cache else []
    finding.fix = [
        Fix(
            "Restore the labels: count those of each file and split, and correct the files, or the column or folder "
            f"that they are read from; then {f'remove {cache} and ' if cache else ''}run again.",
            " && ".join(filter(None, [*commands, again])) or None,
            None,
            cache or None,
        )
    ]
    finding.prevention = ["Refuse a training or validation set that holds one class."]
    finding.would_refute = "labels of two classes"
    finding.explains = ["training.collapse", "training.threshold", "training.no_learning", "run.interrupted"]
    return [finding]


def labels_would_tell(facts: RunFacts) -> bool:
    """Whether an accuracy looks like that of one class, so that reading the labels is worth its time."""
    return any(_ACCURACY.search(c.metric) and all_or_nothing(c) for c in facts.curves)


def _is_meant(facts: RunFacts) -> bool:
    """Whether the configuration says that there is one class."""
    for key, found in (facts.config.values if facts.config else {}).items():
        if _MEANT_KEY.search(key) and found.value not in (False, None, ""):
            return True
    return number(config_value(facts, "num_classes")) == 1


# --- metrics.json --------------------------------------------------------------------------------------------------


def _of_metrics(facts: RunFacts) -> tuple[str, list[Evidence], float] | None:
    """An evaluation whose scores say that a class is absent; tests alone only if it is so in all of them."""
    groups: dict[str, dict[str, Metric]] = {}
    for metric in facts.metrics.values if facts.metrics else []:
        path, _, name = metric.name.rpartition(".")
        groups.setdefault(path, {})[name.lower()] = metric
    judged = {path: group for path, group in groups.items() if {"accuracy", "recall", "f1"} & set(group)}
    lacking = {path: names for path, group in judged.items() if (names := absent_class(group))}
    if not _enough(judged[path] for path in lacking):
        return None
    own = [path for path in judged if not _is_test(path)]
    found = [path for path in lacking if path in own]
    if not found and own == [] and lacking and set(lacking) == set(judged):
        found = [path for path in lacking if not _MEANT_NAME.search(path)]
    if not found:
        return None
    path = found[0]
    quotes = [quote_metric(facts, judged[path][name]) for name in lacking[path]]
    shown = ", ".join(f"{name} {judged[path][name].value}" for name in lacking[path])
    return f"{path or 'The evaluation'}: {shown}", quotes, 0.85


def _is_test(path: str) -> bool:
    return any(part.startswith("test") for part in path.split("."))


def _enough(groups: Iterable[dict[str, Metric]]) -> bool:
    """Whether there are so many samples, all in all, that both classes should be among them."""
    counts = [number(group["n_samples"].value) for group in groups if "n_samples" in group]
    return not counts or sum(count or 0.0 for count in counts) >= FEWEST_SAMPLES


def absent_class(group: dict[str, Metric]) -> list[str]:
    """Names of the scores that together only occur where a class is absent; empty if both may be there.

    Without a fault no positive is missed: a recall of 0 is then that of no positive. Rates that add up to 1 wherever
    they are defined are both 0 where they are not.
    """
    value = {name: number(metric.value) for name, metric in group.items()}

    def undefined(name: str) -> bool:
        return name in value and (value[name] is None or value[name] != value[name] or value[name] == 0)

    faultless = next((value[n] for n in ("accuracy", "acc") if n in value), None) == 1
    accuracy = "accuracy" if "accuracy" in value else "acc"
    for positives in ("recall", "f1", "tpr", "sensitivity"):
        if faultless and undefined(positives):
            return [accuracy, *(["f1"] if "f1" in value and positives != "f1" else []), positives]
    for negatives in ("specificity", "tnr"):
        if faultless and undefined(negatives):
            return [accuracy, negatives]
    for ranking in ("auc", "roc_auc", "auroc"):
        if faultless and undefined(ranking) and value[ranking] != 0:
            return [accuracy, ranking]
    for rate, other in (("recall", "fnr"), ("specificity", "fpr"), ("tpr", "fnr"), ("tnr", "fpr")):
        if undefined(rate) and undefined(other):
            return [rate, other]
    return []


# --- curves --------------------------------------------------------------------------------------------------------


def _of_curves(facts: RunFacts) -> tuple[str, list[Evidence], float] | None:
    """A validation accuracy of 0 or 1 and nothing between, while the loss vanishes."""
    labels = set(facts.cache.labels) if facts.cache else set()
    if len(labels) > 1:
        return None
    accuracy = next((c for c in facts.curves if _ACCURACY.search(c.metric) and all_or_nothing(c)), None)
    scores = [c for c in facts.curves if _SCORE.search(c.metric)]
    losses = [c for c in facts.curves if _LOSS.search(c.metric)]
    if accuracy is None or any(_between(values) for c in scores if (values := _values(c))):
        return None
    if any((values := _values(c)) and values[-1] > SMALL_LOSS for c in losses):
        return None
    none = [c for c in scores if not any(_values(c))]
    first = accuracy.points[0][0] if accuracy.x == "step" else None
    at_once = 0.0 in _values(accuracy) or (first is not None and float(first) <= FEW_STEPS)
    if not none and not at_once and not labels:
        return None  # a model may be faultless by its first evaluation, if that is late enough
    quotes = [quote_last(c) for c in (accuracy, *none[:1], *losses[:1])]
    quotes = list({(q.source, q.line, q.text): q for q in quotes}.values())
    what = f"{accuracy.metric} is 0 or 1 at each of {accuracy.count} evaluations"
    what += f", {none[0].metric} never above 0" if none else ", from the first steps on"
    what += f", {losses[0].metric} ends at {_values(losses[0])[-1]:.3g}" if losses and _values(losses[0]) else ""
    return what, quotes, 0.8 if none or labels else 0.65


def all_or_nothing(curve: Curve) -> bool:
    """Whether an accuracy is 0, then 1, or always 1; between the two, one evaluation may see the answer turn."""
    values = _values(curve)
    rest = values[values.count(0.0) :]
    turning = 1 if 0.0 in values and rest and rest[0] < 1.0 else 0
    return (
        curve.count >= FEWEST_EVALUATIONS
        and not any(values[: values.count(0.0)])
        and len(rest) > turning
        and all(value == 1.0 for value in rest[turning:])
    )


def _values(curve: Curve) -> list[float]:
    found = (number(point[1]) for point in curve.points)
    return [value for value in found if value is not None and value == value]


def _between(values: Iterable[float]) -> bool:
    return any(0 < value < 1 for value in values)


# --- what else says so ---------------------------------------------------------------------------------------------


def _confirmations(facts: RunFacts) -> list[tuple[Evidence, str]]:
    """Other evidence of one class: the labels in the cache, and what the log says of them."""
    found: list[tuple[Evidence, str]] = []
    if facts.cache and len(set(facts.cache.labels)) == 1:
        text = f"labels {sorted(set(facts.cache.labels))}{f' ({facts.cache.sampled})' if facts.cache.sampled else ''}"
        found.append((Evidence(facts.cache.source.path, text, None, "data"), "the data"))
    for log, line, _ in log_lines(facts, _SAID):
        found.append((quote_line(log, line), "the log"))
        break
    for log, line, match in log_lines(facts, _COUNTS):
        counts = [int(count) for count in _COUNT.findall(match["counts"])]
        if counts and sum(count > 0 for count in counts) == 1 and max(counts) >= FEWEST_SAMPLES:
            found.append((quote_line(log, line), "the log's counts"))
            break
    return found
