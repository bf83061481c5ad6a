"""Training curves of the last attempt: Lightning's metrics.csv, TensorBoard event files, else progress bars."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from ...discover.discovery import RunState
from ...facts import PARTIAL, Curve, RunFacts, Source
from ...paths import modified, relative, unreadable
from ...project.project import Project
from ..evidence import curve_tables, event_files
from .event_file import read_event_file
from .progress import LARGEST_READ, read_progress
from .series import Series

LARGEST_CSV = 64 * 1024 * 1024  # bytes; 300 epochs of the target are 30 kB
MOST_COLUMNS = 60
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


def read_metrics_csv(path: Path, root: Path) -> list[Curve]:
    """One curve per numeric column of Lightning's CSV log; empty cells are steps at which it was not logged."""
    source = Source(relative(path, root))
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_CSV + 1)
    except OSError as error:
        return [Curve(unreadable(path, root, error), "")]
    if len(raw) > LARGEST_CSV:
        raw = raw[:LARGEST_CSV]
        source.state, source.reason = PARTIAL, f"the first {LARGEST_CSV // 2**20} MB"
    lines = raw.decode("utf-8", "replace").splitlines()
    if not lines:
        return []
    header = next(csv.reader(lines[:1]))[:MOST_COLUMNS]
    x_column = next((name for name in ("step", "global_step", "epoch") if name in header), "")
    series = {
        name: Series(source, name, "epoch" if x_column == "epoch" else "step") for name in header if name != x_column
    }
    row_count = 0
    for number, line in enumerate(lines[1:], start=2):
        try:
            row = dict(zip(header, next(csv.reader([line])), strict=False))
        except (csv.Error, StopIteration):
            continue
        x = _number(row.get(x_column, "")) if x_column else None
        row_count += 1
        for name, cell in row.items():
            value = _number(cell)
            if value is not None and name in series:
                series[name].add(row_count if x is None else x, value, number, line[:400])
    return [item.finish() for item in series.values() if item.curve.count]


def _number(cell: str) -> float | None:
    try:
        return float(cell) if cell.strip() else None
    except ValueError:
        return None
