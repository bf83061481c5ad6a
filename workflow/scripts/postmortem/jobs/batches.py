"""Deals runs into batches: one Snakemake job works on the runs of a batch, since a process costs more than a run."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .. import times
from ..collect.collector import run_log_files
from ..discover.discovery import SENTINEL, Discovery, RunState
from ..project.project import Project
from ..project.runs import WORKFLOW, Run, can_be_named


@dataclass
class Batch:
    """name: fits into a rule's name. run_ids: sorted; the pipeline's own failure is alone in its batch.

    evidence: the files that its runs' facts are collected from. pipeline_logs: likewise, but shared with other runs
    and still written to when these have failed. touched: when each run's sentinel was touched.
    """

    name: str
    run_ids: list[str]
    evidence: list[str] = field(default_factory=list)
    pipeline_logs: list[str] = field(default_factory=list)
    touched: dict[str, str] = field(default_factory=dict)


def deal(run_ids: list[str], known_runs: int, runs_per_job: int) -> list[Batch]:
    """Batches of the runs to diagnose.

    A run's batch is a hash of its id modulo a power of two, which depends on the number of all known runs only: when
    another run fails later, the others stay where they are, and their diagnoses are not made again.
    """
    count = 1
    while count * runs_per_job < known_runs:
        count *= 2
    dealt: dict[int, list[str]] = {}
    for run_id in sorted(set(run_ids) - {WORKFLOW}):
        dealt.setdefault(zlib.crc32(run_id.encode("utf-8", "surrogateescape")) % count, []).append(run_id)
    batches = [Batch(str(number), dealt[number]) for number in sorted(dealt)]
    return batches + ([Batch("workflow", [WORKFLOW])] if WORKFLOW in run_ids else [])


def of_discovery(project: Project, discovery: Discovery) -> list[Batch]:
    """The batches of all runs that are to be diagnosed, with their evidence."""
    states = {state.run.id: state for state in discovery.diagnosed}
    batches = deal(list(states), len(discovery.runs), project.runs_per_job)
    for batch in batches:
        of_batch = [states[run_id] for run_id in batch.run_ids]
        batch.evidence = list(dict.fromkeys(path for state in of_batch for path in evidence(project, state)))
        batch.pipeline_logs = list(dict.fromkeys(path for state in of_batch for path in pipeline_logs(project, state)))
        batch.touched = {run_id: moment for run_id in batch.run_ids if (moment := touched(states[run_id]))}
    return batches


def evidence(project: Project, state: RunState) -> list[str]:
    """The files that a run's diagnosis is made of, as far as they are there: when one changes, it is made again.

    Relative to the project where they lie in it.
    """
    run, profile = state.run, project.profile
    paths = [path for path, role, _ in run_log_files(project, state) if not _is_shared(run, role)]
    if run.id != WORKFLOW:
        paths.append(run.directory / SENTINEL)
        names = [profile.config_file, profile.metrics_file, *profile.checkpoints, *profile.curves]
        paths += [path for name in names if name for path in sorted(run.directory.glob(name))]
    return _names(project, paths)


def pipeline_logs(project: Project, state: RunState) -> list[str]:
    """Snakemake's logs that tell of the run. They grow while other runs go on, which says nothing new of this one."""
    return _names(project, (path for path, role, _ in run_log_files(project, state) if _is_shared(state.run, role)))


def _is_shared(run: Run, role: str) -> bool:
    return role in ("snakemake", "console") and run.id != WORKFLOW


def _names(project: Project, paths: Iterable[Path]) -> list[str]:
    names = [project.relative(path) for path in dict.fromkeys(paths) if _is_readable_file(path)]
    return [name for name in names if can_be_named(name)]


def touched(state: RunState) -> str:
    """When the run's sentinel was touched, "" without one: a parameter of its job, which runs again when that changes.

    As an input alone it would not: Snakemake takes a small file of the same content for unchanged.
    """
    moment = times.modified(state.directory / SENTINEL) if state.run.id != WORKFLOW else None
    return moment.isoformat() if moment else ""


def _is_readable_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
