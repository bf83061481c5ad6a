"""project=auto: which profile fits a project, by what lies there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..paths import folders_two_below
from ..text import safe
from . import profile as profiles
from .profile import Profile, compiled

AUTO = "auto"
ANY = "default"  # the profile that fits any project whose runs lie as folders in folders
FOLDERS_ASKED = 5000  # of runs; a project with more is known by these


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


def _names_of_runs(experiment_root: Path) -> Iterator[str]:
    """`<dataset>/<run>` of each run, as far as folders may be read."""
    return (f"{run.parent.name}/{run.name}" for run in folders_two_below(experiment_root))


def _is_named(run_id: str, profile: Profile) -> bool:
    """Whether a run is called as the profile says, by a stage that it knows."""
    match = compiled(profile.run_pattern).fullmatch(safe(run_id.partition("/")[2]))
    return bool(match) and match.groupdict().get("stage") in profile.stages
