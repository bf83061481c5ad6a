"""Deals runs into batches: one Snakemake job works on the runs of a batch, since a process costs more than a run."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .. import times
from ..collect.evidence import shared_logs, watched_files
from ..discover.discovery import Discovery, RunState
from ..discover.sentinel import SENTINEL
from ..project.project import Project
from ..project.runs import WORKFLOW, can_be_named
from . import handover


@dataclass
class Batch:
    """name: fits into a rule's name. run_ids: sorted; the pipeline's own failure is alone in its batch.

    evidence: the files that its runs' facts are collected from. pipeline_logs: likewise, but shared with other runs
    and still written to when these have failed. touched: when each run's sentinel was touched. found: the file with
    what was found of its runs. news: the digest of that.
    """

    name: str
    run_ids: list[str]
    evidence: list[str] = field(default_factory=list)
    pipeline_logs: list[str] = field(default_factory=list)
    touched: dict[str, str] = field(default_factory=dict)
    found: str = ""
    news: str = ""


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
    """The batches of all runs that are to be diagnosed, with their evidence, and with what was found handed over."""
    states = {state.run.id: state for state in discovery.diagnosed}
    batches = deal(list(states), len(discovery.runs), project.runs_per_job)
    for batch in batches:
        of_batch = [states[run_id] for run_id in batch.run_ids]
        batch.evidence = list(dict.fromkeys(path for state in of_batch for path in evidence(project, state)))
        batch.pipeline_logs = list(dict.fromkeys(path for state in of_batch for path in pipeline_logs(project, state)))
        batch.touched = {run_id: moment for run_id in batch.run_ids if (moment := touched(states[run_id]))}
        batch.found = handover.file_of_batch(batch.name)
        batch.news = handover.write(project, of_batch, batch.found)
    handover.write_all(project, discovery.runs)
    return batches


def evidence(project: Project, state: RunState) -> list[str]:
    """The files that a run's diagnosis is made of, as far as they are there: when one changes, it is made again.

    Relative to the project where they lie in it.
    """
    return _names(project, watched_files(project, state))


def pipeline_logs(project: Project, state: RunState) -> list[str]:
    """Snakemake's logs that tell of the run. They grow while other runs go on, which says nothing new of this one."""
    return _names(project, shared_logs(project, state))


def _names(project: Project, paths: Iterable[Path]) -> list[str]:
    return [name for path in paths if can_be_named(name := project.relative(path))]


def touched(state: RunState) -> str:
    """When the run's sentinel was touched, "" without one: a parameter of its job, which runs again when that changes.

    As an input alone it would not: Snakemake takes a small file of the same content for unchanged.
    """
    moment = times.modified(state.directory / SENTINEL) if state.run.id != WORKFLOW else None
    return moment.isoformat() if moment else ""
