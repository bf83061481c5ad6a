"""config.json against itself, the run's name, its teacher and its siblings."""

from __future__ import annotations

import re
from typing import Any

from ..facts import UNREADABLE, Checkpoint, RunFacts
from ..findings import FATAL, HINT, Evidence, Finding, Fix
from .quoting import config_value, log_lines, number, quote_checkpoint, quote_config, quote_line
from .usual import set_back, usual_value

# A student that has this share of its teacher's parameters, or more, has nothing to be distilled into.
STUDENT_SHARE = 0.95
# "Loaded VGAE teacher: latent_dim=8, …" states the teacher's size as the program saw it.
_TEACHER_LOADED = re.compile(r"(?i)\bloaded\b.{0,40}\bteacher\b.{0,80}=")
_PRESET = re.compile(r"(?i)using preset: ?(?P<model>\w+), ?(?P<size>\w+)")
_NUMERIC = re.compile(r"^-?\d+\.?\d*(?:e[+-]?\d+)?$", re.I)
_SIZE_KEY = re.compile(r"(hidden|latent|embedding_dim|_layers|_heads)")
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
        *_distillation(facts),
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
    finding.root_cause = f"monitor_mode is {mode} for {metric}: the checkpoint that is kept is the worst one, and early stopping fires when training works."
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
        if rule is None or value is None or rule[0] <= value <= rule[1]:
            continue
        usual = usual_value(facts, key)
        harmful = rule[3] and _used(facts, key)
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
                f"Set {key} to {usual if usual is not None else f'a value in {rule[0]:g} … {rule[1]:g}'} and run again.",
            )
        ]
        finding.prevention = ["Check ranges when the configuration is validated."]
        findings.append(finding)
    return findings


def _used(facts: RunFacts, key: str) -> bool:
    """Whether the stage uses a key: those of other models carry another model's prefix."""
    words = " ".join((facts.profile.get("stages") or {}).get(facts.stage, {}).get("rule_words") or [])
    prefix = key.split("_")[0]
    prefixes = {k.split("_")[0] for k in (facts.config.values if facts.config else {}) if _SIZE_KEY.search(k)}
    return prefix not in prefixes or not words or prefix in words or facts.stage == "normal" and prefix == "gat"


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
            finding.root_cause = f"The flat field {flat} is {outer}, its sub-config view {key} is {nested}: parts of the program build different models."
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
        finding.root_cause = f"{key} is {found!r} in config.json, but the run lies in {facts.directory}: it was trained with the settings of another run."
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


def _distillation(facts: RunFacts) -> list[Finding]:
    path = config_value(facts, "teacher_path")
    # An evaluation compares models that are trained: it needs no teacher, though it says use_kd.
    if config_value(facts, "use_kd") is not True or facts.stage == "evaluation":
        return []
    if not path:
        finding = Finding(
            "config.invalid", "use_kd is true, but teacher_path is empty", FATAL, 0.7, "detector: configuration"
        )
        finding.evidence = quote_config(facts, "use_kd") + quote_config(facts, "teacher_path")
        finding.root_cause = "use_kd is true, but teacher_path is empty: there is no teacher to learn from."
        teacher = f"{facts.directory.rpartition('/')[0]}/teacher_{facts.stage}/best_model.pt"
        finding.fix = [set_back(facts, {"teacher_path": teacher}, "Name the teacher's checkpoint in teacher_path.")]
        return [finding]
    findings = []
    parts = str(path).split("/")
    if facts.dataset and len(parts) >= 3 and facts.dataset not in parts:
        findings.append(
            _other_teacher(facts, f"teacher_path is {path}: the teacher was trained on other data than {facts.dataset}")
        )
    elif facts.stage and len(parts) >= 2 and re.search(r"teacher|student", parts[-2]) and facts.stage not in parts[-2]:
        findings.append(_other_teacher(facts, f"teacher_path is {path}: that is no {facts.stage} run"))
    return findings + _sizes(facts, str(path))


def _other_teacher(facts: RunFacts, text: str) -> Finding:
    finding = Finding("config.mismatch", "The teacher is another run's", FATAL, 0.7, "detector: configuration")
    finding.evidence, finding.root_cause = quote_config(facts, "teacher_path"), f"{text}."
    teacher = f"{facts.directory.rpartition('/')[0]}/teacher_{facts.stage}/best_model.pt"
    finding.fix = [set_back(facts, {"teacher_path": teacher}, f"Run again with teacher_path {teacher}.")]
    finding.prevention = ["Derive teacher_path from dataset and stage."]
    finding.explains = ["model.state_dict_mismatch", "model.shape_mismatch"]
    return finding


def _sizes(facts: RunFacts, path: str) -> list[Finding]:
    """A student that is as large as its teacher, or larger."""
    own = next((c for c in facts.checkpoints if c.role == "own" and c.parameter_count), None)
    teachers = [c for c in facts.checkpoints if c.role in ("teacher", "upstream") and c.parameter_count]
    teacher = next((c for c in teachers if path.endswith(c.source.path) or c.source.path.endswith(path)), None)
    teacher_config = next((flat for run, flat in facts.siblings.items() if f"/{run}/" in f"/{path}"), {})
    larger = {
        key: (now, then)
        for key, then in teacher_config.items()
        if _SIZE_KEY.search(key) and (now := config_value(facts, key)) not in (None, then) and _size(now) > _size(then)
    }
    smaller = [
        key for key, then in teacher_config.items()
        if _SIZE_KEY.search(key) and (now := config_value(facts, key)) not in (None, then) and _size(now) < _size(then)
    ]  # fmt: skip
    by_weights = (
        own is not None and teacher is not None and own.parameter_count >= STUDENT_SHARE * teacher.parameter_count
    )
    if not by_weights and not (larger and not smaller and own is None):
        return []
    finding = Finding(
        "config.mismatch", "The student is as large as its teacher, or larger", FATAL, 0.85, "detector: configuration"
    )
    finding.evidence += [quote_line(log, line) for log, line, _ in log_lines(facts, _TEACHER_LOADED)][:2]
    finding.evidence += [
        quote_line(log, line, f"but model_size is {facts.size}")
        for log, line, m in log_lines(facts, _PRESET)
        if facts.size and m["size"] != facts.size
    ][:1]
    for key, (now, then) in list(larger.items())[:3]:
        finding.evidence += quote_config(facts, key, f"the teacher has {then}")
        finding.root_cause += f"{key} is {now}, the teacher's is {then}. "
    if by_weights and own and teacher:
        finding.evidence += [_parameters(own), _parameters(teacher)]
        finding.root_cause = (
            f"The student has {own.parameter_count:,} parameters, its teacher {teacher.parameter_count:,}. "
            + finding.root_cause
        )
        finding.confirmed_by.append("the checkpoints")
    if larger:
        finding.confirmed_by.append("the configurations")
    finding.root_cause += (
        "The presets are swapped, or one run was given the other's: nothing can be distilled from a smaller teacher."
    )
    values = {key: then for key, (_, then) in larger.items() if not isinstance(then, list)}
    finding.fix = [
        set_back(
            facts,
            values,
            "Train the teacher with the teacher's preset and the student with the student's, teacher first.",
        )
    ]
    finding.prevention = ["Refuse distillation from a teacher that has fewer parameters than its student."]
    finding.would_refute = "a teacher with several times the student's parameters"
    return [finding]


def _parameters(checkpoint: Checkpoint) -> Evidence:
    return quote_checkpoint(checkpoint, f"{checkpoint.parameter_count} parameters in {checkpoint.tensor_count} tensors")


def _size(value: Any) -> float:
    return (
        float(sum(v for v in value if isinstance(v, int | float))) if isinstance(value, list) else number(value) or 0.0
    )


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
