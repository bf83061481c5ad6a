"""What curves, checkpoints, sizes and trackers say about a claim of the log."""

from __future__ import annotations

import re

from ...collect.logs.traceback import is_own
from ...facts import RunFacts
from ..detectors.numerics import broken_weights, exploded, not_finite
from ..detectors.quoting import (
    config_value,
    own_checkpoints,
    quote_checkpoint,
    quote_config,
    quote_last,
    quote_nonfinite,
)
from ..detectors.usual_values import learning_rate, set_back, usual_value
from ..findings import Evidence, Finding, Fix, Support
from .data import said

_NUMPY_WARNING = re.compile(
    r"(?:^|(?<=[\s\]]))(?P<file>[^\s:\]]{1,300}\.py):(?P<line>\d{1,7}): RuntimeWarning: "
    r"(?P<what>invalid value|divide by zero|overflow) encountered in (?P<call>\w+)"
)
BYTES_PER_PARAMETER = 16  # float32 weight, gradient and Adam's two moments, 4 bytes each


def curve(finding: Finding, facts: RunFacts, support: Support) -> None:
    """NaN or an explosion in the curve and in the checkpoint; the learning rate behind it."""
    for found in facts.curves:
        if not_finite(found):
            support.confirmed_by.append("the training curve")
            support.evidence.append(quote_nonfinite(found))
        elif how := exploded(found):
            support.confirmed_by.append("the training curve")
            support.evidence.append(quote_last(found, how))
    for checkpoint in own_checkpoints(facts):
        if broken_weights(checkpoint) == "nan":
            support.confirmed_by.append("the checkpoint")
            support.evidence.append(
                quote_checkpoint(
                    checkpoint,
                    f"NaN or infinite values in {checkpoint.nan_tensors} of {checkpoint.tensor_count} tensors",
                )
            )
    if facts.cache and facts.cache.nan_graphs:
        support.confirmed_by.append("the data")
        support.evidence.append(
            Evidence(facts.cache.source.path, f"{facts.cache.nan_graphs} graphs with NaN", None, "data")
        )
    key, rate = learning_rate(facts)
    usual = usual_value(facts, key) if key else None
    if rate is not None and isinstance(usual, int | float) and rate >= 10 * usual:
        support.confirmed_by.append("the configuration")
        support.evidence += quote_config(facts, key, f"usual is {usual:g}")
        support.reason = f"{key} is {rate:g}, usual is {usual:g}."
        support.first_fixes.append(set_back(facts, {key: usual}, f"Train again with {key} {usual:g}."))


def invalid_values(finding: Finding, facts: RunFacts, support: Support) -> None:
    """The first warning of NumPy about a value that is not finite, in the project's own code and before the claim."""
    for log in facts.logs:
        for line in log.lines:
            found = _NUMPY_WARNING.search(line.text)
            if not found or not is_own(found["file"]):
                continue
            if finding.position.log == log.source.path and line.number > finding.position.line:
                return
            place = f"{found['file']}:{found['line']}"
            support.evidence.append(Evidence(log.source.path, found[0], line.number))
            support.explanation.append(
                f"NumPy warned first at {place}: {found['what']} encountered in {found['call']}."
            )
            text = (
                f"At {place} the first value that is not finite comes up ({found['what']} in {found['call']}): "
                "fill or drop zeros and missing values in the data that come there, or guard the operation "
                "(`np.divide(a, b, out=np.zeros_like(a), where=b != 0)`, an epsilon)."
            )
            support.first_fixes.append(Fix(text, None, None, found["file"], int(found["line"])))
            return


def sizes(finding: Finding, facts: RunFacts, support: Support) -> None:
    """What takes memory: batch size, workers, and the parameters of the checkpoint."""
    for key in (
        ("batch_size", "num_workers")
        if finding.id == "host.oom"
        else ("batch_size", "gradient_checkpointing", "precision")
    ):
        if config_value(facts, key) is not None:
            support.evidence += quote_config(facts, key)
    model = next((c for c in facts.checkpoints if c.parameter_count), None)
    if model:
        megabytes = model.parameter_count * BYTES_PER_PARAMETER / 2**20
        text = f"{model.parameter_count} parameters: {megabytes:.1f} MB with gradients and Adam's moments"
        support.evidence.append(quote_checkpoint(model, text, "the rest is activations and data"))


def tracked_error(finding: Finding, facts: RunFacts, support: Support) -> None:
    """The same message in a tracker's record of the run."""
    for tracked in facts.trackers:
        first = tracked.error.strip().split("\n", 1)[0][:120]
        if len(first) > 12 and first in said(finding):
            support.confirmed_by.append("the tracker's record")
            support.evidence.append(Evidence(tracked.source.path, first, None, "tracker"))


def recorded_parameters(finding: Finding, facts: RunFacts, support: Support) -> None:
    """A parameter that the message names: its value in config.json against what a tracker recorded before."""
    for tracked in facts.trackers:
        for key, item in (facts.config.values if facts.config else {}).items():
            before = tracked.params.get(key, tracked.params.get(f"config.{key}"))
            if (
                before is None
                or before == str(item.value)
                or not re.search(rf"(?<!\w){re.escape(key)}(?!\w)", said(finding))
            ):
                continue
            if before in said(finding):
                support.confirmed_by.append("the tracker's record")
                support.evidence.append(
                    Evidence(tracked.source.path, f"{key} {before}", None, "tracker", f"config.json has {item.value}")
                )
                support.evidence += quote_config(facts, key)


def workers(finding: Finding, facts: RunFacts, support: Support) -> None:
    """Pickling errors come from workers that are spawned."""
    count, method = config_value(facts, "num_workers"), config_value(facts, "mp_start_method")
    if (
        re.search(r"pickl", said(finding), re.I)
        and isinstance(count, int)
        and count > 0
        and method in ("spawn", "forkserver")
    ):
        support.confirmed_by.append("the configuration")
        support.evidence += quote_config(
            facts, "num_workers", "workers are started by pickling what they need"
        ) + quote_config(facts, "mp_start_method")
