"""Training curves of the last attempt: Lightning's metrics.csv, TensorBoard event files, else progress bars."""

from __future__ import annotations

import re
from pathlib import Path

from ...discover.discovery import RunState
from ...facts import PARTIAL, Curve, RunFacts
from ...paths import modified
from ...project.project import Project
from ..evidence import curve_tables, event_files
from .event_file import read_event_file
from .metrics_csv import read_metrics_csv
from .progress import LARGEST_READ, read_progress

_VERSION = re.compile(r"version_(\d+)$")


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.curves. A metric is taken from the best source that has it."""
    started = max((log.first_time for log in facts.logs if log.first_time), default="")
    facts.curves = read_curves(run_state.directory, project.root, started)


def read_curves(directory: Path, root: Path, started: str = "", most_bytes: int = LARGEST_READ) -> list[Curve]:
    """Curves of a run's directory; `started` (ISO 8601) is when its last attempt began, if its log says so."""
    progress: list[Curve] = []
    version = ""
    for name in ("slurm.out", "slurm.err"):
        curves, named = read_progress(directory / name, root, most_bytes)
        progress += curves
        version = version or named
    path = newest_version(directory, version)
    found: list[Curve] = []
    if path is not None:
        found = read_metrics_csv(path, root)
        if started and modified(path) and modified(path) < started[:19].replace(" ", "T"):
            for curve in found:
                curve.source.state, curve.source.reason = PARTIAL, "left by an earlier attempt: older than the log"
    if not found:
        for event_file in event_files(directory):
            found += read_event_file(event_file, root)
    have = {curve.metric for curve in found}
    return found + [curve for curve in progress if curve.metric not in have]


def newest_version(directory: Path, version: str = "") -> Path | None:
    """metrics.csv of `lightning_logs/version_<version>`, which the bars named, else of the highest version."""
    paths: dict[int, Path] = {}
    tables = curve_tables(directory)
    for path in tables:
        if found := _VERSION.search(path.parent.name):
            paths[int(found[1])] = path
    if not paths:
        return tables[0] if tables else None
    return paths.get(int(version)) if version.isdigit() and int(version) in paths else paths[max(paths)]
