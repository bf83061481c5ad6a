"""Failures of the pipeline itself: Snakemake stopped, and no run's folder tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..files import read_text
from ..project.project import DEFAULT_EXPERIMENT_ROOT, Project
from ..project.runs import WORKFLOW, Run, from_id
from .jobs_of_runs import runs_of_job
from .snakemake_log import FAILED, SnakemakeLog


@dataclass
class WorkflowFailure:
    """run: the pseudo run "(workflow)". logs: where it stands, relative to the project."""

    run: Run
    reason: str
    logs: list[str]


def find(project: Project, logs: list[SnakemakeLog], known: set[str]) -> WorkflowFailure | None:
    """The failure of the newest call of the pipeline, unless it reached a run, or a later call succeeded.

    logs: oldest first. known: ids of the runs on disk.
    """
    for log in reversed(logs):
        if log.succeeded:
            return None
        if log.failed:
            break
    else:
        return None
    reason = _reason(project, log, known)
    if not reason or not _may_write(project, log):
        return None
    same = [other.path for other in logs if other is log or _shows_the_same(other, log)]
    return WorkflowFailure(from_id(WORKFLOW, project), f"{log.path}: {reason}", same)


def _reason(project: Project, log: SnakemakeLog, known: set[str]) -> str:
    for problem in log.problems:
        if problem.job is None or not known & set(runs_of_job(problem.job, project)):
            return f"{problem.type}{f' in rule {problem.rule}' if problem.rule else ''}"
    lost = [job for job in log.jobs if job.state == FAILED and not known & set(runs_of_job(job, project))]
    return f"rule {lost[0].rule} failed, which belongs to no run" if lost else ""


def _shows_the_same(other: SnakemakeLog, log: SnakemakeLog) -> bool:
    """A console capture and the log file of one call."""

    def problems(of: SnakemakeLog) -> list[str]:
        return [problem.text for problem in of.problems]

    return bool(log.problems) and problems(other) == problems(log) and other.started == log.started


def _may_write(project: Project, log: SnakemakeLog) -> bool:
    """A folder of runs that is not there is made for the diagnosis only where the pipeline would have made it.

    It would have if it is the default one, or if the pipeline's log speaks of it; else the setting is a mistake.
    """
    if project.experiment_root.is_dir() or project.settings["experiment_root"] == DEFAULT_EXPERIMENT_ROOT:
        return True
    try:
        text = read_text(Path(project.absolute(log.path)))
    except OSError:
        return False
    return f"{project.root_as_given}/" in text
