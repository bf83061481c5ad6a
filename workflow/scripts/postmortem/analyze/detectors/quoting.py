"""Evidence of a finding: quotes of config keys, curves, metrics and log lines that stand where they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...facts import Checkpoint, Curve, Line, Log, Metric, RunFacts
from ..findings import Evidence


def number(value: Any) -> float | None:
    """A config value or a curve's point as a float; None for booleans, texts and what is absent. "nan" is a number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if value in ("nan", "inf", "-inf") else None


def config_value(facts: RunFacts, key: str) -> Any:
    """The value of a config key, None if it is not there."""
    found = facts.config.values.get(key) if facts.config else None
    return found.value if found else None


def quote_config(facts: RunFacts, key: str, note: str = "") -> list[Evidence]:
    """The raw line of a config key, as a list to add to; empty if the key is not there."""
    if not facts.config or key not in facts.config.values:
        return []
    found = facts.config.values[key]
    return [
        Evidence(facts.config.source.path, found.text.strip() or f'"{key}": {found.value}', found.line, "config", note)
    ]


def quote_nonfinite(curve: Curve, note: str = "") -> Evidence:
    """The first line of a curve that holds NaN or an infinity."""
    text = curve.first_nonfinite_text or f"{curve.metric} is not finite at {curve.x} {curve.first_nonfinite_step:g}"
    return Evidence(curve.source.path, text, curve.first_nonfinite_line, "curve", note)


def quote_last(curve: Curve, note: str = "") -> Evidence:
    """The last line of a curve."""
    text = curve.last_text or f"{curve.metric} ends at {curve.points[-1][1] if curve.points else 'nothing'}"
    return Evidence(curve.source.path, text, curve.last_line, "curve", note)


def quote_metric(facts: RunFacts, metric: Metric, note: str = "") -> Evidence:
    """The raw line of a number in metrics.json; its dotted path is in the note."""
    path = facts.metrics.source.path if facts.metrics else ""
    return Evidence(path, metric.text, metric.line, "metrics", f"{metric.name}{': ' + note if note else ''}")


def quote_checkpoint(checkpoint: Checkpoint, text: str, note: str = "") -> Evidence:
    """What was measured in a checkpoint; it has no lines, so the text is the measurement."""
    return Evidence(checkpoint.source.path, text, None, "checkpoint", note)


def quote_line(log: Log, line: Line, note: str = "") -> Evidence:
    """A line of a log."""
    return Evidence(log.source.path, line.text.strip()[:1000], line.number, "log", note)


def log_lines(facts: RunFacts, pattern: re.Pattern[str]) -> Iterator[tuple[Log, Line, re.Match[str]]]:
    """Every line of the run's own streams (or, without these, of what SLURM captured) that a pattern is found in."""
    streams = [log for log in facts.logs if log.role in ("stderr", "stdout", "job")]
    for log in streams:
        for line in log.lines:
            if found := pattern.search(line.text[:4000]):
                yield log, line, found


def stage_settings(facts: RunFacts) -> dict[str, Any]:
    """What the profile knows of the run's stage."""
    return dict((facts.profile.get("stages") or {}).get(facts.stage) or {})


def trains(facts: RunFacts) -> bool:
    """Whether the run's stage trains a model: what it makes is a checkpoint, not a table of metrics."""
    return not str(stage_settings(facts).get("success") or "").endswith((".json", ".csv"))


def own_checkpoints(facts: RunFacts) -> list[Checkpoint]:
    """The run's own checkpoints that could be read."""
    return [c for c in facts.checkpoints if c.role == "own" and c.tensor_count]
