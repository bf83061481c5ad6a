"""The project profile: what is known about the watched pipeline, read from config/projects/<name>.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import re2
import yaml

from .. import yaml_text
from ..errors import ConfigError, near_match
from ..files import read_bytes
from ..installation import CONFIG
from ..re2_options import re2_options
from .schema import check

PROFILES = CONFIG / "projects"


@dataclass(frozen=True)
class Stage:
    """One kind of run. needs: stages of the same size in the same dataset that must have succeeded before."""

    success: str = ""
    needs: list[str] = field(default_factory=list)
    rule_words: list[str] = field(default_factory=list)
    needs_teacher: bool = False
    resources: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LogPatterns:
    """Where logs lie: stderr and stdout relative to the run, the others to the project."""

    stderr: list[str] = field(default_factory=list)
    stdout: list[str] = field(default_factory=list)
    job: list[str] = field(default_factory=list)
    executor: list[str] = field(default_factory=list)
    snakemake: list[str] = field(default_factory=list)
    submit: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Teacher:
    """Which runs students with distillation learn from, and the config key that names the teacher's checkpoint."""

    size: str
    config_key: str


@dataclass(frozen=True)
class Database:
    """A tracker's database. kind: "project_db" or "mlflow"; the environment variable wins over the path."""

    kind: str
    path: str
    environment: str = ""
    summary_command: str = ""


@dataclass(frozen=True)
class DataPaths:
    """Where data lie, relative to the project, with {dataset} and {domain} to fill in. Empty: not known."""

    cache: str = ""
    catalogue: str = ""
    csv: str = ""


@dataclass(frozen=True)
class RunAgain:
    """Command templates: stage with {stage}, {config}, {flags}; flag with {field}, {value}; workflow with {output}.

    time, memory: what the rules call these resources, in minutes and megabytes.
    """

    stage: str = ""
    flag: str = ""
    workflow: str = ""
    time: str = "runtime"
    memory: str = "mem_mb"


@dataclass(frozen=True)
class Profile:
    """A project profile; the keys are explained in docs/configuration.md."""

    name: str
    run_pattern: str
    logs: LogPatterns
    description: str = ""
    marks: list[str] = field(default_factory=list)
    success_line: str = ""
    config_file: str = ""
    metrics_file: str = ""
    checkpoints: list[str] = field(default_factory=list)
    curves: list[str] = field(default_factory=list)
    stages: dict[str, Stage] = field(default_factory=dict)
    needed_artefacts: list[str] = field(default_factory=list)
    teacher: Teacher | None = None
    databases: list[Database] = field(default_factory=list)
    data: DataPaths = field(default_factory=DataPaths)
    expected: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    run_again: RunAgain = field(default_factory=RunAgain)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The profile as plain values, for facts.json."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values


LARGEST_PROFILE = 2**20  # bytes; ours are a few kilobytes


def load(name: str, project_root: Path) -> Profile:
    """Read the profile of that name in config/projects, or at that path (absolute, or relative to the project).

    Raises ConfigError if there is none, or if it does not fit workflow/schemas/project.schema.yaml.
    """
    path = _find(name, project_root)
    place = f"profile {path}"
    try:
        values = yaml_text.load(read_bytes(path, LARGEST_PROFILE).decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: it is not YAML ({' '.join(str(error).split())})") from error
    except OSError as error:
        raise ConfigError(f"{place}: it cannot be read ({error.strerror})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{place}: it must hold a mapping as config/projects/default.yaml does")
    check(values, "project", place)
    profile = msgspec.convert(values, Profile)
    _check_references(profile, place)
    return profile


def _find(name: str, project_root: Path) -> Path:
    bundled = PROFILES / f"{name}.yaml"
    if bundled.is_file():
        return bundled
    own = project_root / name
    if own.is_file():
        return own
    known = sorted(path.stem for path in PROFILES.glob("*.yaml"))
    raise ConfigError(
        f'config: project is "{name}", but there is no such profile in {PROFILES} and no such file in {project_root}'
        f"{near_match(name, known)}; the known profiles are {', '.join(known)}"
    )


_PLACEHOLDERS = {
    "stage": {"stage": "", "config": "", "flags": ""},
    "flag": {"field": "", "value": ""},
    "workflow": {"output": ""},
}


def _patterns(profile: Profile) -> Iterator[tuple[str, list[str]]]:
    yield from ((f"logs.{kind}", patterns) for kind, patterns in msgspec.to_builtins(profile.logs).items())
    yield from (("checkpoints", profile.checkpoints), ("curves", profile.curves), ("marks", profile.marks))


def _words(error: Exception) -> str:
    """RE2's own words, which come as bytes."""
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


@cache
def compiled(expression: str) -> Any:
    """An expression of a profile. RE2, for Python's own may take any time for a log's line. Raises re2.error."""
    return re2.compile(expression, re2_options())


def _check_references(profile: Profile, place: str) -> None:
    """What a JSON schema cannot say: expressions that compile, stages and resources that exist."""
    for key, expression in (("run_pattern", profile.run_pattern), ("success_line", profile.success_line)):
        try:
            compiled(expression)
        except re2.error as error:
            raise ConfigError(
                f'{place}: {key} is "{expression}", but it must be a regular expression of RE2 ({_words(error)})'
            ) from error
    for key, patterns in _patterns(profile):
        for pattern in patterns:
            if pattern.startswith("/") or ".." in pattern.split("/"):
                raise ConfigError(f'{place}: {key} holds "{pattern}", but patterns stay below the run or the project')
    for name, stage in profile.stages.items():
        for needed in stage.needs:
            if needed not in profile.stages:
                hint = near_match(needed, profile.stages)
                raise ConfigError(f'{place}: stages.{name}.needs holds "{needed}", which is no stage{hint}')
        if stage.resources and stage.resources not in profile.resources:
            hint = near_match(stage.resources, profile.resources)
            raise ConfigError(
                f'{place}: stages.{name}.resources is "{stage.resources}", which is no key of resources{hint}'
            )
    for key, known in _PLACEHOLDERS.items():
        template = getattr(profile.run_again, key)
        try:
            template.format(**known)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            names = ", ".join(f"{{{name}}}" for name in known)
            what = f"{type(error).__name__}: {error}"
            raise ConfigError(
                f'{place}: run_again.{key} is "{template}", but it may only hold {names} ({what})'
            ) from error
