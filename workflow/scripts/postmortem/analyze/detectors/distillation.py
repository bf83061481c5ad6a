"""A student and its teacher: whether there is one, whether it is the right one, and which of the two is larger."""

from __future__ import annotations

import re
from typing import Any

from ...facts import Checkpoint, RunFacts
from ...paths import names
from ..findings import FATAL, Evidence, Finding
from .quoting import config_value, log_lines, number, quote_checkpoint, quote_config, quote_line
from .usual_values import set_back

# A student that has this share of its teacher's parameters, or more, has nothing to be distilled into.
STUDENT_SHARE = 0.95
# "Loaded VGAE teacher: latent_dim=8, …" states the teacher's size as the program saw it.
_TEACHER_LOADED = re.compile(r"(?i)\bloaded\b.{0,40}\bteacher\b.{0,80}=")
_PRESET = re.compile(r"(?i)using preset: ?(?P<model>\w+), ?(?P<size>\w+)")
SIZE_KEY = re.compile(r"(hidden|latent|embedding_dim|_layers|_heads)")


def detect(facts: RunFacts) -> list[Finding]:
    """config.invalid without a teacher, config.mismatch with a wrong or smaller one."""
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
    teacher = next((c for c in teachers if names(path, c.source.path) or names(c.source.path, path)), None)
    teacher_config = next((flat for run, flat in facts.siblings.items() if f"/{run}/" in f"/{path}"), {})
    larger = {
        key: (now, then)
        for key, then in teacher_config.items()
        if SIZE_KEY.search(key) and (now := config_value(facts, key)) not in (None, then) and _size(now) > _size(then)
    }
    smaller = [
        key for key, then in teacher_config.items()
        if SIZE_KEY.search(key) and (now := config_value(facts, key)) not in (None, then) and _size(now) < _size(then)
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
