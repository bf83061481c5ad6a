"""A run of the watched project: its folder, and what the name says about it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..paths import folders_two_below
from ..text import safe
from .profile import Profile, compiled
from .project import Project

WORKFLOW = "(workflow)"
"""The id under which a failure of the pipeline itself is diagnosed."""


@dataclass(frozen=True)
class Run:
    """id: "<dataset>/<name>". stage, size: as the profile's run_pattern reads them from the name, else empty."""

    id: str
    directory: Path
    dataset: str = ""
    name: str = ""
    stage: str = ""
    size: str = ""
    kd: bool = False


def can_be_named(path: str) -> bool:
    """Whether a rule can name a file.

    Snakemake takes braces for wildcards and, from 9 on, `<name>` for a path variable; neither can be escaped.
    """
    return not set(path) & set("{}<>\n") and path.isprintable()


def from_id(run_id: str, project: Project) -> Run:
    """The run of that id; nothing is checked on disk. A name that the profile does not know has no stage."""
    if run_id == WORKFLOW:
        return Run(WORKFLOW, project.experiment_root)
    dataset, _, name = run_id.partition("/")
    run = Run(run_id, project.experiment_root / dataset / name, dataset, name)
    match = compiled(project.profile.run_pattern).fullmatch(safe(name))  # a folder's name need not be UTF-8
    if not match:
        return run
    groups = match.groupdict()
    stage = groups.get("stage") or ""
    if project.profile.stages and stage not in project.profile.stages:
        return run
    return Run(run_id, run.directory, dataset, name, stage, groups.get("size") or "", bool(groups.get("kd")))


def find_all(project: Project) -> list[Run]:
    """All runs on disk: the folders two levels below experiment_root, sorted by id. Hidden folders are none."""
    if not project.experiment_root.is_dir():
        return []
    found = (from_id(f"{run.parent.name}/{run.name}", project) for run in folders_two_below(project.experiment_root))
    return sorted(found, key=lambda run: run.id)


def required_runs(run: Run, profile: Profile) -> list[str]:
    """Ids of the runs that this one needs directly, by the profile: earlier stages first, then its teacher."""
    stage = profile.stages.get(run.stage)
    if stage is None:
        return []
    needed = [f"{run.dataset}/{_sibling_name(run, stage=other)}" for other in stage.needs]
    if run.kd and stage.needs_teacher and profile.teacher:
        needed.append(f"{run.dataset}/{run.name.replace(run.size, profile.teacher.size, 1).removesuffix('_kd')}")
    return needed


def success_artefact(run: Run, profile: Profile) -> Path | None:
    """The file that shows that the run succeeded, or None where the profile does not know its stage."""
    stage = profile.stages.get(run.stage)
    return run.directory / stage.success if stage and stage.success else None


def own_streams(run: Run, profile: Profile) -> list[tuple[Path, str]]:
    """The run's own output, as far as it is there, with its role: "stderr" or "stdout"."""
    roles = (("stderr", profile.logs.stderr), ("stdout", profile.logs.stdout))
    found: dict[Path, str] = {}
    for role, patterns in roles:
        for pattern in patterns:
            for path in sorted(run.directory.glob(pattern)) if "*" in pattern else [run.directory / pattern]:
                if os.path.isfile(path):  # unlike Path.is_file, False where a folder refuses us
                    found.setdefault(path, role)
    return list(found.items())


def run_of_path(path: str, project: Project) -> str:
    """The id of the run in whose folder a path lies, or "". The project may have been moved since it was written."""
    root = project.root_as_given
    for start in (root, str(project.experiment_root)):
        if path.startswith(f"{start}/"):
            return _run_id(path[len(start) + 1 :])
    _, found, rest = path.partition(f"/{root}/")
    return _run_id(rest) if found and not root.startswith("/") else ""


def _sibling_name(run: Run, stage: str) -> str:
    return run.name.replace(run.stage, stage, 1)


def _run_id(below_root: str) -> str:
    parts = below_root.split("/")
    return f"{parts[0]}/{parts[1]}" if len(parts) > 2 else ""
