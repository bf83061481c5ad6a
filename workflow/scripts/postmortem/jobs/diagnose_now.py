"""Diagnoses chosen runs at once, in this process: what a pipeline's onerror handler and a dependency job call.

The files are those of the workflow's rules, made by the same functions, each written whole. No Snakemake in between:
the pipeline may hold the lock of the folder, and two calls at once must not take each other's outputs for incomplete.
main() is the command line: which runs, of which project, within which time; lines on stdout.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shlex
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from .. import yaml_text
from ..analyze import catalogue
from ..discover import sentinel
from ..discover.discovery import Discovery, RunState, discover
from ..discover.sacct import base_id
from ..errors import ConfigError
from ..files import read_text
from ..installation import SNAKEFILE
from ..outputs import DIAGNOSIS, FACTS, MARK, REPORT, STATE_FOLDER, SUMMARIES
from ..project.project import Project, from_config
from ..project.runs import WORKFLOW
from ..report import summary
from ..text import safe
from . import batches, stages
from .screening import screen

SUMMARY_CUT = 110  # of a diagnosis's summary in its line
LOCK_SECONDS = 10  # to wait for another call that writes the summary


class TimeIsUp(BaseException):
    """Not an Exception: the sources guard against readers that break, and the end of our time is none."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 whatever the diagnoses say, 2 for a setting that cannot be followed, 1 if it cannot write."""
    parser = argparse.ArgumentParser(description="Diagnose failed runs at once, without Snakemake.")
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="the project's folder")
    parser.add_argument("--log", action="append", default=[], type=Path, help="only what failed in this Snakemake log")
    parser.add_argument("--job", action="append", default=[], help="only the runs of this SLURM job or array")
    parser.add_argument(
        "--run", action="append", default=[], metavar="DATASET/RUN", help="this run, whether or not it failed"
    )
    parser.add_argument("--time-limit", type=float, default=0.0, help="seconds; 0 for none")
    parser.add_argument("--config", action="append", default=[], metavar="KEY=VALUE", help="as for the workflow")
    args = parser.parse_args(arguments)
    args.log = [log.absolute() for log in args.log]
    os.chdir(args.directory)
    left: list[str] = []
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, args.time_limit)
    try:
        for line in _lines(args, left):
            print(f"{MARK}{safe(line)}", flush=True)
    except ConfigError as error:
        print(f"{MARK}{safe(str(error))}", flush=True)
        return 2
    except OSError as error:
        print(f"{MARK}{safe(f'it cannot go on ({_told(error)})')}", flush=True)
        return 1
    except TimeIsUp:
        rest = f"{len(left)} runs are left" if left else "not all is done"
        command = ["snakemake", "diagnose_all", "-s", str(SNAKEFILE), "--directory", str(Path.cwd())]
        print(f"{MARK}stopped after {args.time_limit:g} s, {rest}: {shlex.join(command)} --cores 1", flush=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return 0


def _lines(args: argparse.Namespace, left: list[str]) -> Iterator[str]:
    """What there is to say, as it becomes known. left: filled with the runs that are still to be diagnosed."""
    project = from_config(_settings(args.config), Path.cwd())
    if not (args.log or args.job):  # a handler of a pipeline is to say a line for each run, not more
        yield from project.announcement
    logs = [log for log in args.log if log.is_file()]
    if args.run:
        discovery, states = of_runs(project, args.run)
    elif logs:
        discovery, states = of_logs(project, logs)
    elif args.job:
        discovery, states = of_jobs(project, args.job)
    else:
        discovery, states = of_everything(project)
    left += [state.run.id for state in states]
    for run_id, line in diagnose(project, discovery, states):
        if run_id in left:
            left.remove(run_id)
        yield line
    if not states:
        yield from (f"there is no log {log}" for log in args.log if log not in logs)
        yield from discovery.notes
        yield "no failed run found that lacks its diagnosis"


def _settings(pairs: list[str]) -> dict[str, Any]:
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f'config: "{pair}" is not KEY=VALUE')
        settings[key] = yaml_text.load(value)
    return settings


def _time_is_up(_signal: int, _frame: FrameType | None) -> None:
    raise TimeIsUp


# --- which runs ----------------------------------------------------------------------------------------------------


def of_logs(project: Project, logs: Iterable[Path]) -> tuple[Discovery, list[RunState]]:
    """Write the sentinels of the failed jobs of these Snakemake logs; discovery after that, and their runs.

    A log that names no failed job (--quiet) is no reason to stay silent: then all that lack their diagnosis.
    """
    logs = list(logs)
    named = dict.fromkeys(run_id for log in logs for run_id in sentinel.write_from_log(project, log))
    if not named:
        return of_everything(project)
    discovery = _look_at(project)
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
    discovery = _look_at(project)
    if not any(base_id(job_id) in wanted for state in discovery.runs for job_id in state.job_ids):
        discovery.notes.append(f"nothing ties a run to job {', '.join(sorted(wanted))}")
        return discovery, _without_diagnosis(project, discovery)
    states = [s for s in discovery.failed if any(base_id(job_id) in wanted for job_id in s.job_ids)]
    for state in states:
        if state.slurm_jobs and not state.sentinel:
            state.sentinel = sentinel.of_slurm(state.slurm_jobs[-1])
            sentinel.write(state.directory, state.sentinel)
    return discovery, states


def of_runs(project: Project, run_ids: Iterable[str]) -> tuple[Discovery, list[RunState]]:
    """Discovery, and these runs, failed or not. Raises ConfigError if one is not there."""
    discovery = _look_at(project)
    return discovery, [discovery.required(run_id, project) for run_id in dict.fromkeys(run_ids)]


def of_everything(project: Project) -> tuple[Discovery, list[RunState]]:
    """Discovery, and the failed runs whose diagnosis is missing or older than what it is made of."""
    discovery = _look_at(project)
    return discovery, _without_diagnosis(project, discovery)


def _look_at(project: Project) -> Discovery:
    found = discover(project)
    screen(project, found)
    return found


def _without_diagnosis(project: Project, discovery: Discovery) -> list[RunState]:
    return [state for state in discovery.failed if not _is_current(project, state)]


# --- their diagnoses -----------------------------------------------------------------------------------------------


def diagnose(project: Project, discovery: Discovery, states: list[RunState]) -> Iterator[tuple[str, str]]:
    """Write the diagnosis of each run, then the summary over all. Yields each run's id with the line to print.

    What cannot be written costs its own run, and is told.
    """
    if not states:
        return
    STATE_FOLDER.mkdir(parents=True, exist_ok=True)
    stages.log_to(str(STATE_FOLDER / "diagnose_now.log"))
    entries, problems = stages.load_catalogue([str(path) for path in catalogue.files(project.root)])
    signals = stages.signals_of(lambda: entries)
    for state in states:
        facts, result, text = (_output(project, state, name) for name in (FACTS, DIAGNOSIS, REPORT))
        try:
            stages.collect_one(project, state, discovery.all_runs, signals, facts)
            stages.analyze_one(facts, entries, problems, result)
            stages.report_one(result, text)
            yield state.run.id, _line(project, state, result, text)
        except OSError as error:
            yield state.run.id, f"{state.run.id}: {_not_written(error)}"
    # A rule of the workflow makes a file of many runs: each must look younger than what all of them are made from.
    for name in (DIAGNOSIS, REPORT):
        for state in states:
            with suppress(OSError):  # what was not written has been told
                os.utime(_output(project, state, name))
    for problem in _summarize(project, discovery):
        yield "", problem


def _not_written(error: OSError) -> str:
    return f"the diagnosis cannot be written ({_told(error)})"


def _told(error: OSError) -> str:
    file = error.filename2 or error.filename
    return f"{error.strerror or error}: {file}" if file else str(error.strerror or error)


def _summarize(project: Project, discovery: Discovery) -> list[str]:
    """The summary over all diagnoses that there are; what of it cannot be written, in words.

    The last of several calls at once sees those of all.
    """
    with _alone(STATE_FOLDER / "summary.lock"):
        paths = [_output(project, state, DIAGNOSIS) for state in discovery.failed]
        targets = {kind: project.experiment_root / name for kind, name in SUMMARIES.items()}
        made = [path for path in paths if path.exists()]
        return summary.write(made, project.experiment_root, targets, discovery.undecided)


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
    found = json.loads(read_text(result))
    cause = found.get("root_cause") or {}
    said = f"{cause['id']} ({cause['confidence']:.2f})" if cause else found["status"]
    about = " ".join(found["summary"].split())
    about = about if len(about) <= SUMMARY_CUT else f"{about[: SUMMARY_CUT - 1]}…"
    return f"{state.run.id}: {said}: {about} -> {os.path.relpath(text, project.root)}"
