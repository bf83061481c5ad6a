"""What was found about runs, handed by the main process to the jobs that diagnose them: discovery happens once.

Below .snakemake/postmortem/found/ lies a file for each batch, and for each run that is asked for by its path, with all
that was found of its runs; and one with the states of all runs, for the readers that look beyond the run that they
read. Each is written only when it says something new.

The rules take them as inputs whose age does not count: what one says is new to its runs is told by its digest, a
parameter of the job. The states of all runs have none, for what becomes of another run is no news of this one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from .. import times
from ..discover.discovery import RunState
from ..files import read_text, write_whole
from ..outputs import MARK, STATE_FOLDER
from ..project.project import Project
from ..project.runs import from_id
from ..text import presentable

FOLDER = STATE_FOLDER / "found"
ALL_RUNS = str(FOLDER / "all_runs.json")
_WORDS = ("reasons", "sentinel", "slurm_jobs", "not_read")
_WORDS_OF_JOBS = ("shell", "wildcards", "message", "exit_text")
_OF_THE_LOOK = {"line", "raw", "first_line", "error_line", "number", "not_read"}
"""Keys of what changes with the place where something was found, or with the look itself, and says nothing of a run."""


def file_of_batch(name: str) -> str:
    """Where what was found of a batch's runs lies, relative to the project."""
    return str(FOLDER / "batches" / f"{name}.json")


def file_of_run(run_id: str) -> str:
    """Where what was found of a run lies that was asked for by its path, relative to the project."""
    return str(FOLDER / "runs" / run_id / "found.json")


def write(project: Project, states: Iterable[RunState], file: str) -> str:
    """Hand over what was found of these runs. Returns its digest, which changes only when there is news of them."""
    before = _read(project.root / file)
    found = {state.run.id: _plain(project, state) for state in states}
    kept = {run_id: _newer(before.get(run_id), now) for run_id, now in found.items()}
    _write(project.root / file, kept, before)
    essence = json.dumps([_essence(values) for values in kept.values()], sort_keys=True)
    return hashlib.sha256(essence.encode()).hexdigest()[:16]


def write_all(project: Project, states: Iterable[RunState]) -> None:
    """Hand over the state of every run."""
    path = project.root / ALL_RUNS
    _write(
        path,
        {state.run.id: {"state": state.state, "reasons": presentable(state.reasons)} for state in states},
        _read(path),
    )


def read(project: Project, file: str) -> dict[str, RunState]:
    """What was handed over, by run id; of a run of which it says nothing that can be read, nothing."""
    states = {}
    for run_id, values in _read(project.root / file).items():
        run = {"id": run_id, "directory": ""}
        try:
            state = msgspec.convert({"run": run} | values, RunState, dec_hook=lambda _, path: project.absolute(path))
        except msgspec.ValidationError:
            continue
        state.run = from_id(run_id, project)
        states[run_id] = state
    return states


def _plain(project: Project, state: RunState) -> dict[str, Any]:
    """As values of JSON; paths relative to the project, so that a copy of it finds nothing new."""
    values: dict[str, Any] = json.loads(json.dumps(msgspec.to_builtins(state, enc_hook=project.relative)))
    del values["run"]
    # Paths stay as they are, for the jobs open them; nothing else of what people write leaves here as it is.
    safe = {key: presentable(value) for key, value in values.items() if key in _WORDS}
    words = [{key: presentable(job[key], key) for key in _WORDS_OF_JOBS} for job in values["snakemake_jobs"]]
    jobs = [job | said for job, said in zip(values["snakemake_jobs"], words, strict=True)]
    return values | safe | {"snakemake_jobs": jobs}


def _newer(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """What was found before, where nothing but a part of it is found now.

    That is no news of a run: sacct does not answer, or forgets a job after some weeks, and of Snakemake's logs only the
    newest are read.
    """
    if before is None:
        return now
    known, told = _essence(before), _essence(now)
    lists = [key for key, value in told.items() if isinstance(value, list)]
    lost = any(len(told[key]) < len(known.get(key) or []) for key in lists)
    told["attempts"] = [one for one in told["attempts"] if not _has_lost_its_job(one, known.get("attempts") or [])]
    nothing_new = all(item in (known.get(key) or []) for key in lists for item in told[key])
    same = all(told[key] == known.get(key) for key in told.keys() - lists)
    return before if lost and nothing_new and same else now


def _has_lost_its_job(attempt: dict[str, Any], known: list[dict[str, Any]]) -> bool:
    """Whether an attempt that only a log tells of was one of a job: the log begins while that ran, or has no times."""
    if attempt["job_id"] or not known:
        return False
    begin = times.parse(attempt["start"])
    spans = [(times.parse(one["start"]), times.parse(one["end"])) for one in known]
    return begin is None or any(start and start <= begin and (not end or begin <= end) for start, end in spans)


def _essence(values: Any) -> Any:
    """Without what says nothing of the run."""
    if isinstance(values, dict):
        return {key: _essence(value) for key, value in values.items() if key not in _OF_THE_LOOK}
    return [_essence(value) for value in values] if isinstance(values, list) else values


def _write(path: Path, content: dict[str, Any], before: dict[str, Any]) -> None:
    if content == before and path.is_file():
        return
    try:
        write_whole(path, json.dumps(content, indent=1))
    except OSError as error:  # a project that cannot be written to: Snakemake will say so itself, and better
        print(f"{MARK}{path} cannot be written ({error.strerror})", file=sys.stderr)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and all(isinstance(v, dict) for v in content.values()) else {}
