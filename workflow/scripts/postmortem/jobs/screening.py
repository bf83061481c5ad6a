"""Screening: which runs that ended well, or that nobody knows the end of, are to be suspected.

A step of its own, after discovery, which does not judge.

What it found is remembered, since it reads whole logs and checkpoints, and is asked whenever Snakemake starts. A run is
screened again when a file of any run of its dataset changes (runs are judged beside their siblings), or when this
package does. The memory lies in Snakemake's own folder; without that folder there is none.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..discover.discovery import Discovery, RunState
from ..discover.recorded_states import COMPLETE
from ..files import read_text, write_whole
from ..installation import PACKAGE
from ..outputs import OURS, STATE_FOLDER
from ..project.project import Project

if TYPE_CHECKING:
    from .suspicions import Suspicions

MEMORY = STATE_FOLDER / "screened.json"


def screen(project: Project, discovery: Discovery) -> None:
    """Make those of the runs without a failure that are to be suspected "suspect", with the reasons first. In place."""
    memory = _Memory(project)
    for state in discovery.runs:
        if (state.state == COMPLETE or state.undecided) and (doubts := memory.suspicions(state)):
            state.state, state.reasons = "suspect", [*doubts, *state.reasons]
    memory.save()


class _Memory:
    """suspicions() answers from what is remembered where it can; save() keeps the answers for the next call."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.path = project.root / MEMORY
        self.known = _read(self.path)
        self.asked: dict[str, dict[str, Any]] = {}
        self.marks: dict[Path, str] = {}
        self.package = ""
        self.judge: Suspicions | None = None

    def suspicions(self, state: RunState) -> list[str]:
        """Why a run that ended well is not to be trusted; empty for a healthy one."""
        mark = self._mark_of_dataset(state.directory.parent)
        before = self.known.get(state.run.id)
        if before and before.get("mark") == mark:
            found = [str(reason) for reason in before.get("found") or []]
        else:
            found = self._look(state)
        self.asked[state.run.id] = {"mark": mark, "found": found}
        return found

    def save(self) -> None:
        """Keep what was found, if Snakemake has a folder here and something is new."""
        if self.asked == self.known or not (self.project.root / ".snakemake").is_dir():
            return
        try:
            write_whole(self.path, json.dumps(self.asked))
        except OSError:
            pass  # only time is lost

    def _look(self, state: RunState) -> list[str]:
        if self.judge is None:  # with its readers and detectors, which nobody needs while all is remembered
            from .suspicions import Suspicions

            self.judge = Suspicions(self.project)
        return self.judge.of(state)

    def _mark_of_dataset(self, directory: Path) -> str:
        if not self.package:
            self.package = _mark(sorted(PACKAGE.rglob("*.py")), self.project.profile.name)
        if directory not in self.marks:
            files = [entry for run in _entries(directory) if run.is_dir() for entry in _entries(Path(run))]
            paths = [Path(entry) for entry in files if not entry.name.startswith(OURS)]
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
        content = json.loads(read_text(path))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
