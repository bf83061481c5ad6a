"""What differs from the last good run, where the cause is about just that: support, and a value to go back to.

A difference alone names no cause: only findings that stand by themselves are looked at.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from ...facts import Difference, GoodRun, RunFacts
from ..detectors.exit_code import TIMEOUT
from ..detectors.quoting import number
from ..detectors.usual_values import set_back
from ..findings import FATAL, GENERIC, Evidence, Finding, Fix, Support
from ..remedies.own_code import commit_since_good_run
from .data import said

STANDS_FROM = 0.5  # confidence from which a finding needs no difference to be named
FACTOR = 1.5  # numbers nearer than this to each other behave alike
MORE, LESS, ANY = 1, -1, 0
_RATE = r"(?:^|[._])(?:lr|learning_rate|base_lr|max_lr)$"
_SIZES = r"(?:hidden|latent|embed|dims?|layers|heads|channels|width|depth|projection)"
_WIDE = re.compile(rf"{_SIZES}|batch_size|use_kd|teacher|model")  # differ between a teacher and its student

# The start of a cause's id → keys that it is about, and in which direction a change brings it on.
_ABOUT: list[tuple[tuple[str, ...], list[tuple[str, int]]]] = [
    (("training.nan_loss", "training.divergence"), [
        (_RATE, MORE), (r"clip", ANY), (r"precision|amp|dtype", ANY), (r"warmup", LESS), (r"optimizer", ANY),
        (r"weight_decay", MORE), (r"normali[sz]", ANY), (r"momentum", MORE),
    ]),
    (("training.no_learning", "training.collapse", "training.threshold"), [
        (_RATE, ANY), (r"weight_decay|dropout", MORE), (r"optimizer|freeze|class_weight|loss", ANY),
        (r"kd_alpha|temperature", ANY), (r"monitor|patience|min_delta", ANY), (r"epochs|episodes", LESS),
    ]),
    (("training.generalisation",), [(r"weight_decay|dropout", LESS), (r"window|stride|split|fold|augment", ANY)]),
    (("training.monitor_missing", "run.interrupted"), [(r"monitor|patience|min_delta|early_stop", ANY)]),
    (("training.dtype_mismatch",), [(r"precision|dtype|amp", ANY)]),
    (("gpu.oom", "gpu.contended"), [
        (r"batch_size|window|num_sampled|neighbors", MORE), (_SIZES, MORE), (r"precision|amp", ANY),
        (r"checkpointing|accumulate", ANY),
    ]),
    (("host.oom", "host.shm", "host.limits"), [
        (r"num_workers|prefetch|batch_size|buffer|cache", MORE), (r"persistent_workers|pin_memory", ANY),
    ]),
    (("slurm.timeout",), [
        (r"epochs|episodes|max_steps|patience", MORE), (r"batch_size|num_workers", LESS), (_SIZES, MORE),
        (r"time", ANY),
    ]),
    (("model.",), [(_SIZES, ANY), (r"num_ids|vocab|num_classes|features", ANY), (r"teacher_path|use_kd", ANY)]),
    (("data.",), [
        (r"window|stride|features|num_ids|unseen|oov|unknown|vocab|num_classes|cache|data_(?:dir|root|path)", ANY),
    ]),
    (("config.",), [(r"use_kd|teacher_path|kd_|monitor|mode$", ANY)]),
    (("tracking.",), [(r"timeout|retries|uri|backend", ANY)]),
    (("distributed.", "gpu.fork_reinit"), [(r"num_workers|start_method|devices|num_nodes|strategy|backend", ANY)]),
]  # fmt: skip

_OF_PACKAGES = ("code.", "gpu.library", "gpu.arch", "gpu.unavailable", "env.", "model.checkpoint_corrupt")


def compare(finding: Finding, facts: RunFacts, support: Support) -> None:
    """What differs from the last good run and bears on the finding."""
    good = facts.good_run
    ended = finding.role in (FATAL, GENERIC) or _about(finding) != finding.id
    if good is None or not ended or finding.confidence < STANDS_FROM:
        return
    words = [
        *_configuration(finding, facts, good, support), *_packages(finding, good, support), *_code(finding, facts)
    ]  # fmt: skip
    if words:  # however much differs, it is one kind of evidence
        support.confirmed_by.append(f"differs from the last good run {good.run}: {'; '.join(words)}")


def _configuration(finding: Finding, facts: RunFacts, good: GoodRun, support: Support) -> list[str]:
    quoted = {item.line for item in (*finding.evidence, *support.evidence) if item.kind == "config" and item.line}
    about = [d for d in good.differences if d.kind == "config" and _is_about(finding, facts, good, d, quoted)]
    for difference in reversed(about[:2]):
        _quote(finding, facts, difference, f"{difference.then} in the last good run {good.run}", support)
    if about:
        then = " and ".join(f"{d.name} was {d.then} ({d.now} now)" for d in about[:2])
        support.reason = f"In the last good run {good.run} {then}."
    changed = {d.name: _value(d.then) for d in about[:2] if d.then != "not set"}
    if changed:  # what differs is the first suspect, and its old value the first fix
        shown = " and ".join(f"{key} back to {value}" for key, value in changed.items())
        when = f", which ended {good.ended_at}" if good.ended_at else ""
        support.first_fixes.append(set_back(facts, changed, f"Set {shown}, as in the last good run {good.run}{when}."))
    return [_then_and_now(difference) for difference in about[:2]]


def _then_and_now(difference: Difference) -> str:
    return f"{difference.name} {difference.then} then, {difference.now} now"


def _is_about(finding: Finding, facts: RunFacts, good: GoodRun, difference: Difference, quoted: set[int]) -> bool:
    """Whether the cause is about this key, and the value moved in the direction that brings the cause on."""
    alike = good.relation == "same run" or good.run.endswith(f"/{facts.name}")
    if not alike and _WIDE.search(difference.name):
        return False
    if difference.line in quoted and finding.id.startswith("config."):
        return True
    for starts, keys in _ABOUT:
        if _about(finding).startswith(starts):
            for pattern, direction in keys:
                if re.search(pattern, difference.name, re.I):
                    return _moved(difference, direction)
    return False


def _about(finding: Finding) -> str:
    """The cause whose keys bear on a finding: what a time-out ends is ended as by SLURM's time limit."""
    return "slurm.timeout" if finding.captures.get("ended_by") == TIMEOUT else finding.id


def _moved(difference: Difference, direction: int) -> bool:
    now, then = number(_value(difference.now)), number(_value(difference.then))
    if now is None or then is None:
        return True
    if direction == MORE:
        return now > 0 and now >= FACTOR * then
    if direction == LESS:
        return now < then and FACTOR * now <= then
    return now * then <= 0 or not 1 / FACTOR < now / then < FACTOR


def _quote(finding: Finding, facts: RunFacts, difference: Difference, note: str, support: Support) -> None:
    item = facts.config.values.get(difference.name) if facts.config else None
    if facts.config is None or item is None or item.line is None:
        return
    place = (facts.config.source.path, item.line)
    if any((quoted.source, quoted.line) == place for quoted in (*finding.evidence, *support.evidence)):
        support.notes[place] = note
    else:
        # What differs is the first suspect: it stands before what else agrees.
        support.evidence.insert(0, Evidence(facts.config.source.path, item.text.strip(), item.line, "config", note))


def _packages(finding: Finding, good: GoodRun, support: Support) -> list[str]:
    """A package that the message names has another version now."""
    if not finding.id.startswith(_OF_PACKAGES):
        return []
    words = []
    for difference in good.differences:
        if difference.kind == "package" and re.search(rf"\b{re.escape(difference.name)}\b", said(finding), re.I):
            words.append(_then_and_now(difference))
            if difference.name not in ("python", "cuda"):
                pinned = f"{difference.name}=={difference.then}"
                support.first_fixes.append(
                    Fix(f"Go back to {pinned}, which worked.", f"pip install {shlex.quote(pinned)}")
                )
    return words


def _code(finding: Finding, facts: RunFacts) -> list[str]:
    """The very line that raised it was changed since."""
    if not finding.id.startswith(("code.", "model.shape", "training.dtype", "training.autograd", "config.")):
        return []
    return [
        f"{frame.file}, line {frame.line}, was changed since, in {frame.changed_by}"
        for frame in facts.code[:1]
        if commit_since_good_run(facts, frame) and f", line {frame.line}," in _traceback(finding, facts)
    ]


def _traceback(finding: Finding, facts: RunFacts) -> str:
    """The frames of the finding's exception, as a traceback prints them."""
    place = finding.position
    log = next((log for log in facts.logs if log.source.path == place.log), None)
    if log is None or place.traceback is None:
        return ""
    exceptions = log.tracebacks[place.traceback].exceptions
    frames = exceptions[min(place.depth, len(exceptions) - 1)].frames
    return "\n".join(f'File "{frame.file}", line {frame.line}, in {frame.function}' for frame in frames if frame.own)


def _value(text: str) -> Any:
    """A value that was kept as text: true, 0.002 and None as such."""
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except ValueError:
        return text
