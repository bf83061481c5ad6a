"""metrics.json → Metrics: every number of an evaluation under its dotted path, with the raw line where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...discover.discovery import RunState
from ...facts import PARTIAL, UNREADABLE, Metric, Metrics, RunFacts, Source
from ...files import open_file
from ...paths import relative, unreadable
from ...project.project import Project
from ..evidence import metrics_name
from .json_positions import LARGEST_TEXT, InvalidJson, entries, storable

MOST_VALUES = 2000  # the target's file has 240


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.metrics if the run's directory has a metrics.json."""
    path = run_state.directory / metrics_name(project.profile)
    if path.exists():
        facts.metrics = read_metrics(path, project.root)
        if facts.metrics.source.state == UNREADABLE:
            facts.not_checked.append(f"{facts.metrics.source.path}: {facts.metrics.source.reason}")


def read_metrics(path: Path, root: Path) -> Metrics:
    """Scalars of a metrics.json; lists (curves, confusion matrices) are left out."""
    try:
        with open_file(path) as stream:
            raw = stream.read(LARGEST_TEXT + 1)
    except OSError as error:
        return Metrics(unreadable(path, root, error))
    source = Source(relative(path, root))
    if len(raw) > LARGEST_TEXT:
        source.state, source.reason = UNREADABLE, f"larger than {LARGEST_TEXT // 2**20} MB"
        return Metrics(source)
    try:
        found = entries(raw.decode("utf-8", "replace"))
    except InvalidJson as error:
        source.state, source.reason = UNREADABLE, f"invalid JSON ({len(raw)} bytes): {error}"
        return Metrics(source)
    scalars = [entry for entry in found if isinstance(entry.value, int | float | str | None)]
    if len(scalars) > MOST_VALUES:
        source.state, source.reason = PARTIAL, f"the first {MOST_VALUES} of {len(scalars)} values"
    return Metrics(
        source, [Metric(e.path, _plain(e.value), e.line, e.text.strip()[:300]) for e in scalars[:MOST_VALUES]]
    )


def _plain(value: Any) -> Any:
    return value[:200] if isinstance(value, str) else storable(value)
