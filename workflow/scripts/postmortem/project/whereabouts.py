"""Where the runs seem to be, where experiment_root has none: what the hint of a refusal, or a note, proposes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import ConfigError, near_match
from ..paths import folders_in
from ..text import safe
from .profile import Profile
from .project import Project
from .runs import Run, own_streams

FOLDERS_LOOKED_INTO = 2000  # for logs: a proposal need not be complete
DEEPEST = 4  # levels below the project where a run's folder is looked for


@dataclass(frozen=True)
class Proposal:
    """The value of experiment_root that finds runs, with one of their logs; both as shown, relative to the project."""

    experiment_root: str
    log: str

    def __str__(self) -> str:
        return f"{self.log} looks like the log of a run: --config experiment_root={self.experiment_root}"


def require_runs(project: Project) -> None:
    """Raise ConfigError if there is no folder of runs."""
    folder = project.experiment_root
    if folder.is_dir():
        return
    given = project.settings["experiment_root"]
    if folder.exists():
        raise ConfigError(f'config: experiment_root is "{given}", but {folder} is not a folder')
    beside = folder.parent
    near = [entry.name for entry in beside.iterdir() if entry.is_dir()] if beside.is_dir() else []
    hint = near_match(folder.name, near) or f"; {_hint(project)}"
    raise ConfigError(f'config: experiment_root is "{given}", but {folder} does not exist{hint}')


def _hint(project: Project) -> str:
    if found := proposal(project.root, project.profile):
        return str(found)
    if log := _a_log_in(project.root, project.profile):
        return f"{safe(log.name)} lies in this folder: if it is that of a run, name the folder of its project instead"
    return "set experiment_root=<folder>, or run Snakemake with --directory <the project's folder>"


def proposal(root: Path, profile: Profile) -> Proposal | None:
    """Where the runs seem to be, by logs such as the profile's: two levels below what is proposed.

    None where nothing is found, or where several folders hold such logs: nobody knows which one is meant.
    """
    found: dict[Path, Proposal] = {}
    for folder in islice(_below(root, DEEPEST), FOLDERS_LOOKED_INTO):
        above = folder.parent.parent
        if not above.is_relative_to(root) or above in found:
            continue
        if log := _a_log_in(folder, profile):
            found[above] = Proposal(safe(str(above.relative_to(root))), safe(str(log.relative_to(root))))
    return next(iter(found.values())) if len(found) == 1 else None


def _a_log_in(folder: Path, profile: Profile) -> Path | None:
    return next((path for path, _ in own_streams(Run("", folder), profile)), None)


def _below(folder: Path, levels: int) -> Iterator[Path]:
    """All folders below this one, as many levels deep."""
    for entry in folders_in(folder):
        yield entry
        if levels > 1:
            yield from _below(entry, levels - 1)
