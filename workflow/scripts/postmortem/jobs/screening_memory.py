"""Remembers what screening found, since it reads whole logs and checkpoints, and is asked whenever Snakemake starts.

A run is screened again when a file of any run of its dataset changes (runs are judged beside their siblings), or when
this package does. The memory lies in Snakemake's own folder; without that folder there is none.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..collect.files.cache_rebuilds import rebuilds
from ..files import write_whole
from ..installation import PACKAGE
from ..project.project import Project
from ..project.runs import Run
from . import screening

MEMORY = Path(".snakemake/postmortem/screened.json")
_OURS = "diagnos"  # our own outputs begin so: they are no reason to look again


class Screened:
    """suspicions() answers from the memory where it can; save() keeps the answers for the next call."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.path = project.root / MEMORY
        self.known = _read(self.path)
        self.asked: dict[str, dict[str, Any]] = {}
        self.marks: dict[Path, str] = {}
        self.look_at_caches = lru_cache(maxsize=None)(rebuilds)  # the same for all runs of a dataset
        self.package = _mark(sorted(PACKAGE.rglob("*.py")), project.profile.name)

    def suspicions(self, run: Run) -> list[str]:
        """Why a run that ended well is not to be trusted; empty for a healthy one."""
        mark = self._mark_of_dataset(run.directory.parent)
        before = self.known.get(run.id)
        if before and before.get("mark") == mark:
            found = [str(word) for word in before.get("found") or []]
        else:
            found = screening.suspicions(run.directory, self.project.profile, self.look_at_caches)
        self.asked[run.id] = {"mark": mark, "found": found}
        return found

    def save(self) -> None:
        """Keep what was found, if Snakemake has a folder here and something is new."""
        if self.asked == self.known or not (self.project.root / ".snakemake").is_dir():
            return
        try:
            write_whole(self.path, json.dumps(self.asked))
        except OSError:
            pass  # only time is lost

    def _mark_of_dataset(self, directory: Path) -> str:
        if directory not in self.marks:
            files = [entry for run in _entries(directory) if run.is_dir() for entry in _entries(Path(run))]
            paths = [Path(entry) for entry in files if not entry.name.startswith(_OURS)]
            deeper = [path for run in _entries(directory) for path in sorted(Path(run).glob("*/*/*.csv"))]
            self.marks[directory] = _mark(paths + deeper, self.package)
        return self.marks[directory]


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return []


def _mark(paths: list[Path], seed: str) -> str:
    """A digest of names, sizes and times of change."""
    digest = hashlib.sha256(seed.encode())
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        if not path.is_dir():
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
