"""The project that is diagnosed: where it lies, its profile, and the user's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, near_match
from ..installation import CONFIG
from ..paths import relative
from . import profile as profiles
from . import seen
from .profile import Profile
from .schema import check

DEFAULTS = CONFIG / "config.yaml"

SACCT_AUTO, SACCT_OFF = "auto", "off"
DEFAULT_EXPERIMENT_ROOT = "experimentruns"


@dataclass(frozen=True)
class Project:
    """What is diagnosed, and how.

    root: the project's folder, absolute. experiment_root: the folder of its runs, absolute; it may be missing where
    the pipeline stopped before its first run. profile_by_sight: why this profile was taken, where nobody named one.
    sacct: "auto", "off" or the absolute path of a saved table.
    snakemake_log: the pipeline's log as the user gave it, absolute. settings: the checked config, with defaults.
    """

    root: Path
    experiment_root: Path
    profile: Profile
    sacct: str
    snakemake_log: Path | None
    runs_per_job: int
    settings: dict[str, Any]
    profile_by_sight: str = ""

    @property
    def root_as_given(self) -> str:
        """experiment_root as the user wrote it; outputs of rules begin with it."""
        return self.settings["experiment_root"].rstrip("/") or "/"

    @property
    def announcement(self) -> list[str]:
        """Which profile was taken and why, for whoever named none; else nothing."""
        if not self.profile_by_sight:
            return []
        other = "" if self.profile.name != seen.ANY else "; project=<profile> names your own"
        return [f"project={self.profile.name}, for {self.profile_by_sight}{other}"]

    def relative(self, path: Path | str) -> str:
        """A path as reports show it: relative to the project where it lies inside, else absolute."""
        return relative(Path(path), self.root)

    def absolute(self, path: Path | str) -> Path:
        """A path as logs and configs give it, taken from the project's folder; not resolved."""
        return self.root / path


def from_config(config: Mapping[str, Any], root: Path) -> Project:
    """Check the user's settings and load the profile.

    config: the settings that differ from config/config.yaml. root: the project's folder.
    Raises ConfigError, one sentence. whereabouts.require_runs checks that experiment_root is there, after discovery.
    """
    root = root.absolute()
    settings = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8")) | dict(config)
    if isinstance(settings["sacct"], bool):  # YAML reads a bare off as false, and on as true
        settings["sacct"] = SACCT_AUTO if settings["sacct"] else SACCT_OFF
    check(settings, "config", "config")
    if set(settings["experiment_root"]) & set("{}"):
        given = settings["experiment_root"]
        raise ConfigError(
            f'config: experiment_root is "{given}", but Snakemake cannot name files in a folder with braces'
        )
    sacct = settings["sacct"]
    if sacct not in (SACCT_AUTO, SACCT_OFF):
        sacct = str(_existing_file("sacct", sacct, root, 'use "auto", "off" or the path of a saved table'))
    log = settings["snakemake_log"]
    experiment_root = root / settings["experiment_root"]
    by_sight = seen.choose(root, experiment_root) if settings["project"] == seen.AUTO else None
    return Project(
        root=root,
        experiment_root=experiment_root,
        profile=by_sight.profile if by_sight else profiles.load(settings["project"], root),
        sacct=sacct,
        snakemake_log=_existing_file("snakemake_log", log, root, "leave it empty for the newest ones") if log else None,
        runs_per_job=settings["runs_per_job"],
        settings=settings,
        profile_by_sight=by_sight.reason if by_sight else "",
    )


def _existing_file(key: str, value: str, root: Path, hint: str) -> Path:
    path = root / value
    if not path.is_file():
        beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()] if path.parent.is_dir() else []
        problem = "is not a file" if path.exists() else "does not exist"
        raise ConfigError(f'config: {key} is "{value}", but {path} {problem}{near_match(path.name, beside)}; {hint}')
    return path
