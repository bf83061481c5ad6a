"""project=auto: which profile fits a project, by what lies there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..paths import folders_in
from ..text import safe
from . import profile as profiles
from .profile import Profile, compiled

AUTO = "auto"
ANY = "default"  # the profile that fits any project whose runs lie as folders in folders
FOLDERS_ASKED = 5000  # of runs; a project with more is known by these
FOLDERS_LOOKED_INTO = 2000  # for logs: a proposal need not be complete
DEEPEST = 4  # levels below the project where a run's folder is looked for


@dataclass(frozen=True)
class Seen:
    """The profile that was taken, and why, in words."""

    profile: Profile
    reason: str


def choose(root: Path, experiment_root: Path) -> Seen:
    """The first bundled profile whose marks are there, else the one for any project.

    Marks are names of runs, which stay when code and data have gone, and the files that the profile lists. Raises
    ConfigError if a bundled profile is broken.
    """
    names = list(islice(_names_of_runs(experiment_root), FOLDERS_ASKED))
    for path in sorted(profiles.PROFILES.glob("*.yaml")):
        if path.stem == ANY:
            continue
        profile = profiles.load(path.stem, root)
        if mark := next((name for name in names if _is_named(name, profile)), None):
            return Seen(profile, f"{experiment_root.name}/{safe(mark)} is named as its runs are")
        if file := next((mark for mark in profile.marks if any(root.glob(mark))), None):
            return Seen(profile, f"{file} is there")
    return Seen(profiles.load(ANY, root), "nothing shows that another one fits")


@dataclass(frozen=True)
class Proposal:
    """The value of experiment_root that finds runs, with one of their logs; both as shown, relative to the project."""

    experiment_root: str
    log: str

    def __str__(self) -> str:
        return f"{self.log} looks like the log of a run: --config experiment_root={self.experiment_root}"


def proposal(root: Path, profile: Profile) -> Proposal | None:
    """Where the runs seem to be, by logs such as the profile's: two levels below what is proposed.

    None where nothing is found, or where several folders hold such logs: nobody knows which one is meant.
    """
    names = {*profile.logs.stderr, *profile.logs.stdout}
    found: dict[str, Proposal] = {}
    for folder in islice(_below(root, DEEPEST), FOLDERS_LOOKED_INTO):
        above = folder.parent.parent
        if not above.is_relative_to(root) or str(above) in found:
            continue
        if log := next((log for name in sorted(names) for log in folder.glob(name) if log.is_file()), None):
            shown = safe(str(above.relative_to(root)))
            found[str(above)] = Proposal(shown, safe(str(log.relative_to(root))))
    return next(iter(found.values())) if len(found) == 1 else None


def _below(folder: Path, levels: int) -> Iterator[Path]:
    """All folders below this one, as many levels deep."""
    for entry in folders_in(folder):
        yield entry
        if levels > 1:
            yield from _below(entry, levels - 1)


def _runs(folder: Path) -> Iterator[Path]:
    return (run for dataset in folders_in(folder) for run in folders_in(dataset))


def _names_of_runs(experiment_root: Path) -> Iterator[str]:
    """`<dataset>/<run>` of each run, as far as folders may be read."""
    return (f"{run.parent.name}/{run.name}" for run in _runs(experiment_root))


def _is_named(run_id: str, profile: Profile) -> bool:
    """Whether a run is called as the profile says, by a stage that it knows."""
    match = compiled(profile.run_pattern).fullmatch(safe(run_id.partition("/")[2]))
    return bool(match) and match.groupdict().get("stage") in profile.stages
