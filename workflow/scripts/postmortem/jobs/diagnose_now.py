"""Diagnoses chosen runs at once, in this process: what a pipeline's onerror handler and a dependency job call.

The files are those of the workflow's rules, made by the same functions, each written whole. No Snakemake in between:
the pipeline may hold the lock of the folder, and two calls at once must not take each other's outputs for incomplete.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..analyze import catalogue
from ..discover import sentinel
from ..discover.discovery import Discovery, RunState, discover
from ..discover.sacct import base_id
from ..project.project import Project
from ..project.runs import WORKFLOW
from ..report import summary
from . import batches, stages
from .plan import DIAGNOSIS, FACTS, REPORT

LOGS = Path(".snakemake/postmortem")
SUMMARY_CUT = 110  # of a diagnosis's summary in its line
LOCK_SECONDS = 10  # to wait for another call that writes the summary


def of_logs(project: Project, logs: Iterable[Path]) -> tuple[Discovery, list[RunState]]:
    """Write the sentinels of the failed jobs of these Snakemake logs; discovery after that, and their runs.

    A log that names no failed job (--quiet) is no reason to stay silent: then all that lack their diagnosis.
    """
    logs = list(logs)
    named = dict.fromkeys(run_id for log in logs for run_id in sentinel.write_from_log(project, log))
    if not named:
        return of_everything(project)
    discovery = discover(project)
    states = [state for run_id in named if (state := discovery.state_of(run_id))]
    shown = {project.relative(log) for log in logs}
    if discovery.workflow and shown & set(discovery.workflow.snakemake_logs):
        states.append(discovery.workflow)
    return discovery, states


def of_jobs(project: Project, job_ids: Iterable[str]) -> tuple[Discovery, list[RunState]]:
    """Discovery, and the failed runs of these SLURM jobs or arrays; they get their sentinels.

    Where nothing ties the jobs to runs, all that lack their diagnosis: one of them may be meant.
    """
    wanted = {base_id(job_id) for job_id in job_ids}
    discovery = discover(project)
    if not any(base_id(job_id) in wanted for state in discovery.runs for job_id in state.job_ids):
        return discovery, _without_diagnosis(project, discovery)
    states = [s for s in discovery.diagnosed if any(base_id(job_id) in wanted for job_id in s.job_ids)]
    for state in states:
        if state.slurm_jobs and not state.sentinel:
            state.sentinel = sentinel.of_slurm(state.slurm_jobs[-1])
            sentinel.write(state.directory, state.sentinel)
    return discovery, states


def of_everything(project: Project) -> tuple[Discovery, list[RunState]]:
    """Discovery, and the failed runs whose diagnosis is missing or older than what it is made of."""
    discovery = discover(project)
    return discovery, _without_diagnosis(project, discovery)


def _without_diagnosis(project: Project, discovery: Discovery) -> list[RunState]:
    return [state for state in discovery.diagnosed if not _is_current(project, state)]


def diagnose(project: Project, discovery: Discovery, states: list[RunState]) -> Iterator[tuple[str, str]]:
    """Write the diagnosis of each run, then the summary over all. Yields each run's id with the line to print."""
    if not states:
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    stages.log_to(str(LOGS / "at_once.log"))
    entries, problems = stages.load_catalogue([str(path) for path in catalogue.files(project.root)])
    for state in states:
        facts, result, text = (_output(project, state, name) for name in (FACTS, DIAGNOSIS, REPORT))
        stages.collect_one(project, state, facts)
        stages.analyze_one(facts, entries, problems, result)
        stages.report_one(result, text)
        yield state.run.id, _line(project, state, result, text)
    # A rule of the workflow makes a file of many runs: each must look younger than what all of them are made from.
    for name in (DIAGNOSIS, REPORT):
        for state in states:
            os.utime(_output(project, state, name))
    _summarize(project, discovery)


def _summarize(project: Project, discovery: Discovery) -> None:
    """The summary over all diagnoses that there are. The last of several calls at once sees those of all."""
    with _alone(LOGS / "summary.lock"):
        paths = [_output(project, state, DIAGNOSIS) for state in discovery.diagnosed]
        targets = {kind: project.experiment_root / f"diagnoses.{kind}" for kind in ("md", "html", "tsv")}
        summary.write([path for path in paths if path.exists()], project.experiment_root, targets)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time, as far as the file system keeps locks and nobody holds it for long."""
    with path.open("w") as lock:
        end = time.monotonic() + LOCK_SECONDS
        while time.monotonic() < end:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.05)
            except OSError:
                break
        yield


def _is_current(project: Project, state: RunState) -> bool:
    made = [_modified(_output(project, state, name)) for name in (FACTS, DIAGNOSIS, REPORT)]
    used = [_modified(project.absolute(path)) for path in batches.evidence(project, state)]
    return min(made) > 0 and min(made) >= max(used, default=0.0)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _output(project: Project, state: RunState, name: str) -> Path:
    return (project.experiment_root if state.run.id == WORKFLOW else state.directory) / name


def _line(project: Project, state: RunState, result: Path, text: Path) -> str:
    """`<run>: <cause> (<confidence>): <summary> -> <path>`; a run that is well has a status instead of a cause."""
    found = json.loads(result.read_text(encoding="utf-8"))
    cause = found.get("root_cause") or {}
    said = f"{cause['id']} ({cause['confidence']:.2f})" if cause else found["status"]
    about = " ".join(found["summary"].split())
    about = about if len(about) <= SUMMARY_CUT else f"{about[: SUMMARY_CUT - 1]}…"
    return f"{state.run.id}: {said}: {about} -> {os.path.relpath(text, project.root)}"
