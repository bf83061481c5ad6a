"""config.json against itself, the run's name, its teacher and its siblings."""

from __future__ import annotations

import re
from typing import Any

from ...facts import UNREADABLE, RunFacts
from ..findings import FATAL, HINT, Evidence, Finding, Fix
from .quoting import config_value, number, quote_config
from .throttles import used_by_stage
from .usual_values import set_back, usual_value

_NUMERIC = re.compile(r"^-?\d+(?:\.\d*)?(?:e[+-]?\d+)?$", re.I)
# key → (lowest, highest, what a value outside does). Harmful ones are certain to spoil a run by themselves.
RANGES: dict[str, tuple[float, float, str, bool]] = {
    "dropout": (0.0, 0.95, "with a dropout of 1 nothing passes through", True),
    "weight_decay": (0.0, 0.5, "weights are pulled to zero faster than they can learn", True),
    "batch_size": (1, 1e6, "no batch can be made", True),
    "max_epochs": (1, 1e6, "nothing is trained", True),
    "patience": (1, 1e6, "training stops at once", False),
    "gradient_clip": (1e-6, 1e4, "gradients are not clipped", False),
    "kd_alpha": (0.0, 1.0, "the two parts of the loss do not weigh against each other", True),
    "kd_temperature": (1e-3, 1e3, "the teacher's answers become uniform or one-hot", False),
    "num_workers": (0, 64, "the machine has fewer cores", False),
    "gamma": (0.0, 1.0, "values grow without bound", False),
    "accumulate_grad_batches": (1, 1e4, "no step is ever made", False),
    "precision": (16, 64, "is no precision", False),
}
SWITCHES_OFF = {"gradient_clip": 0.0}  # outside the range, and meant


def detect(facts: RunFacts) -> list[Finding]:
    """config.mismatch and config.invalid."""
    if facts.config is None:
        return []
    if facts.config.source.state == UNREADABLE:
        return [_unreadable(facts)]
    if not facts.config.values:
        return []
    findings = [
        *_monitor(facts),
        *_ranges(facts),
        *_views(facts),
        *_identity(facts),
        *_types(facts),
    ]
    return findings + _unusual(facts)


def _unreadable(facts: RunFacts) -> Finding:
    assert facts.config is not None
    source = facts.config.source
    finding = Finding("config.invalid", "config.json cannot be read", FATAL, 0.7, "detector: configuration")
    finding.root_cause = f"{source.path}: {source.reason}."
    finding.evidence = [Evidence(source.path, source.reason, None, "config")]
    finding.fix = [
        Fix(
            "Write the frozen configuration again by starting the stage without --config, or restore the file.",
            None,
            None,
            source.path,
        )
    ]
    finding.prevention = ["Write config.json to a temporary file and rename it."]
    finding.would_refute = "a config.json that parses"
    return finding


def _monitor(facts: RunFacts) -> list[Finding]:
    """A loss that is maximised, or an accuracy that is minimised: the worst model is kept."""
    metric, mode = str(config_value(facts, "monitor_metric") or ""), str(config_value(facts, "monitor_mode") or "")
    lower_is_better = "loss" in metric or "error" in metric
    higher_is_better = any(word in metric for word in ("acc", "auc", "f1", "recall", "precision"))
    if not ((lower_is_better and mode == "max") or (higher_is_better and mode == "min")):
        return []
    right = "min" if lower_is_better else "max"
    finding = Finding(
        "config.invalid", f"{metric} is monitored with mode {mode}", FATAL, 0.8, "detector: configuration"
    )
    finding.evidence = quote_config(facts, "monitor_metric") + quote_config(facts, "monitor_mode")
    finding.root_cause = (
        f"monitor_mode is {mode} for {metric}: the checkpoint that is kept is the worst one, "
        "and early stopping fires when training works."
    )
    finding.confirmed_by = ["the configuration"]
    finding.fix = [set_back(facts, {"monitor_mode": right}, f"Train again with monitor_mode {right}.")]
    finding.prevention = ["Derive the mode from the metric's name."]
    finding.explains = ["training.no_learning", "run.interrupted", "training.collapse", "training.threshold"]
    return [finding]


def _ranges(facts: RunFacts) -> list[Finding]:
    findings = []
    for key in facts.config.values if facts.config else {}:
        rule = next(
            (rule for name, rule in RANGES.items() if key == name or key.endswith((f"_{name}", f".{name}"))), None
        )
        value = number(config_value(facts, key))
        if rule is None or value is None or rule[0] <= value <= rule[1] or value == SWITCHES_OFF.get(key):
            continue
        usual = usual_value(facts, key)
        harmful = rule[3] and used_by_stage(facts, key)
        finding = Finding(
            "config.invalid",
            f"{key} of {value:g} is out of range",
            FATAL if harmful else HINT,
            0.6 if harmful else 0.3,
            "detector: configuration",
        )
        finding.evidence = quote_config(facts, key, f"sensible are {rule[0]:g} … {rule[1]:g}")
        finding.root_cause = f"{key} is {value:g}, outside {rule[0]:g} … {rule[1]:g}: {rule[2]}."
        finding.fix = [
            set_back(
                facts,
                {key: usual},
                f"Set {key} to {usual if usual is not None else f'a value in {rule[0]:g} … {rule[1]:g}'} and "
                "run again.",
            )
        ]
        finding.prevention = ["Check ranges when the configuration is validated."]
        findings.append(finding)
    return findings


def _views(facts: RunFacts) -> list[Finding]:
    """Flat fields against the sub-config views: vgae_latent_dim against vgae.latent_dim."""
    findings = []
    for key in facts.config.values if facts.config else {}:
        flat = key.replace(".", "_")
        if "." not in key or flat not in facts.config.values:  # type: ignore[union-attr]
            continue
        nested, outer = config_value(facts, key), config_value(facts, flat)
        if nested != outer:
            finding = Finding(
                "config.mismatch", f"{key} is {nested}, {flat} is {outer}", FATAL, 0.75, "detector: configuration"
            )
            finding.evidence = quote_config(facts, flat) + quote_config(facts, key)
            finding.root_cause = (
                f"The flat field {flat} is {outer}, its sub-config view {key} is {nested}: "
                "parts of the program build different models."
            )
            finding.fix = [set_back(facts, {flat: nested}, f"Make {flat} and {key} equal, and run again.")]
            finding.prevention = ["Derive the views from the flat fields, never store both."]
            finding.explains = ["model.shape_mismatch", "model.state_dict_mismatch"]
            findings.append(finding)
    return findings[:3]


def _identity(facts: RunFacts) -> list[Finding]:
    """What the config says the run is, against what its directory says."""
    expected: dict[str, Any] = {"dataset": facts.dataset, "model_size": facts.size}
    if facts.stage and re.search(r"_kd$", facts.name) and facts.stage != "evaluation":
        expected["use_kd"] = True
    findings = []
    for key, value in expected.items():
        found = config_value(facts, key)
        if found is None or value in ("", None) or found == value:
            continue
        finding = Finding(
            "config.mismatch", f"The config of {facts.run} says {key} {found}", FATAL, 0.7, "detector: configuration"
        )
        finding.evidence = quote_config(facts, key, f"the run's directory says {value}")
        finding.root_cause = (
            f"{key} is {found!r} in config.json, but the run lies in {facts.directory}: it was "
            "trained with the settings of another run."
        )
        finding.fix = [
            set_back(
                facts, {key: value}, f"Run again with {key} {str(value).lower() if isinstance(value, bool) else value}."
            )
        ]
        finding.prevention = [
            "Derive the run's directory from the configuration, or refuse a configuration that contradicts it."
        ]
        findings.append(finding)
    return findings


def _types(facts: RunFacts) -> list[Finding]:
    """A text where the siblings have a number: "64" instead of 64."""
    findings = []
    for key, item in (facts.config.values if facts.config else {}).items():
        if not isinstance(item.value, str) or not _NUMERIC.match(item.value):
            continue
        others = [flat[key] for flat in facts.siblings.values() if key in flat]
        usual = usual_value(facts, key)
        like = others or ([usual] if usual is not None else [])
        if not like or any(number(other) is None for other in like):
            continue
        finding = Finding(
            "config.invalid", f"{key} is the text {item.value!r}, not a number", FATAL, 0.65, "detector: configuration"
        )
        finding.evidence = quote_config(facts, key, f"elsewhere {like[0]}")
        finding.root_cause = (
            f"{key} is the text {item.value!r} in config.json; the other runs have a number ({like[0]})."
        )
        value = float(item.value)
        finding.fix = [
            set_back(facts, {key: int(value) if value.is_integer() else value}, f"Write {key} without quotes.")
        ]
        finding.prevention = ["Validate types when a frozen configuration is loaded."]
        finding.explains = ["code.bug"]
        findings.append(finding)
    return findings[:3]


def _unusual(facts: RunFacts) -> list[Finding]:
    """Keys that the siblings of the same stage have and this config lacks: it is of another version or stage."""
    same_stage = [flat for run, flat in facts.siblings.items() if facts.stage and facts.stage in run]
    if not same_stage or not facts.config:
        return []
    missing = sorted(set.intersection(*(set(flat) for flat in same_stage)) - set(facts.config.values))
    unknown = sorted(set(facts.config.values) - set().union(*(set(flat) for flat in same_stage)))
    if not missing and not unknown:
        return []
    finding = Finding("config.mismatch", "Keys differ from the sibling runs'", HINT, 0.3, "detector: configuration")
    finding.root_cause = (
        f"Missing: {', '.join(missing[:6]) or 'none'}; not elsewhere: {', '.join(unknown[:6]) or 'none'}."
    )
    finding.evidence = [item for key in unknown[:2] for item in quote_config(facts, key)]
    return [finding]
