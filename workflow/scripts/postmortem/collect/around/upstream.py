"""The runs that this one needs, directly and through others: their state, their artefacts, and why they failed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ...discover.discovery import RunState
from ...facts import ABSENT, PARTIAL, READ, UNREADABLE, Artefact, Line, RunFacts, UpstreamRun
from ...files import open_file, read_bytes
from ...paths import modified, relative
from ...project.project import Project
from ...project.runs import Run, from_id, own_streams, required_runs, success_artefact
from ...text import clean
from ..evidence import config_name

MOST_RUNS = 12
TAIL_BYTES = 64 * 1024  # of an upstream log; why it failed stands at its end
_ENDING = re.compile(
    r"^(?:[\w.]*(?:Error|Exception|Interrupt)\b|Killed|Segmentation fault|slurmstepd: error|.*\bCANCELLED\b)"
)


def read(project: Project, run_state: RunState, facts: RunFacts, all_runs: Mapping[str, RunState]) -> None:
    """Fill facts.upstream, nearest first. all_runs: what was found of each run, by id.

    The content of their checkpoints is in facts.checkpoints.
    """
    distances = needed(from_id(facts.run, project), project)
    for run_id, distance in list(distances.items())[:MOST_RUNS]:
        facts.upstream.append(look_at(run_id, distance, project, all_runs.get(run_id)))


def needed(run: Run, project: Project) -> dict[str, int]:
    """Ids of all runs that a run needs → how many steps away, nearest first."""
    distances: dict[str, int] = {}
    level = required_runs(run, project.profile)
    step = 1
    while level and len(distances) < MOST_RUNS:
        fresh = [run_id for run_id in dict.fromkeys(level) if run_id not in distances and run_id != run.id]
        distances |= dict.fromkeys(fresh, step)
        level = [other for run_id in fresh for other in required_runs(from_id(run_id, project), project.profile)]
        step += 1
    return distances


def look_at(run_id: str, distance: int, project: Project, found: RunState | None) -> UpstreamRun:
    """One needed run: what was found of it, its artefacts, and its last words if it failed.

    Where its output is there, this run had what it needs, whatever became of the other one since: it is complete.
    """
    run, root = from_id(run_id, project), project.root
    if not run.directory.is_dir():
        return UpstreamRun(run_id, "absent", "it has no directory: it was never run", distance)
    success = success_artefact(run, project.profile)
    paths = [(success, "success")] if success else []
    paths.append((run.directory / config_name(project.profile), "config"))
    artefacts = [_artefact(path, role, run_id, root) for path, role in paths]
    made = next((artefact for artefact in artefacts if artefact.role == "success"), None)
    if made and made.state == READ:
        return UpstreamRun(run_id, "complete", f"{made.path} is there", distance, artefacts)
    if found is None:
        return UpstreamRun(run_id, "unknown", "what became of it was not handed over", distance, artefacts)
    upstream = UpstreamRun(run_id, found.state, "; ".join(found.reasons), distance, artefacts)
    if made and found.state != "complete":
        upstream.reason = f"{made.path} is {made.state}: {upstream.reason}"
    if found.state == "failed":
        upstream.evidence, upstream.evidence_source = _last_words(run, project)
    return upstream


def _artefact(path: Path, role: str, run_id: str, root: Path) -> Artefact:
    found = Artefact(run_id, relative(path, root), ABSENT, role=role)
    try:
        found.size, found.modified = path.stat().st_size, modified(path)
        found.state = READ if found.size else PARTIAL
        if role == "config" and found.size < 1_000_000:
            json.loads(read_bytes(path))
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RecursionError):
        found.state = UNREADABLE
    return found


def _last_words(run: Run, project: Project) -> tuple[list[Line], str]:
    """The last line of the run's stderr that reads as the end of a program, with its number."""
    for path, role in own_streams(run, project.profile):
        if role != "stderr":
            continue
        try:
            size = path.stat().st_size
            with open_file(path) as stream:
                before = 0
                if size > TAIL_BYTES:
                    while stream.tell() < size - TAIL_BYTES:
                        before += stream.read(min(1 << 20, size - TAIL_BYTES - stream.tell())).count(b"\n")
                tail = stream.read(TAIL_BYTES)
        except OSError:
            continue
        lines = [Line(before + i, clean(raw)) for i, raw in enumerate(tail.split(b"\n"), 1)]
        ending = [line for line in lines if _ENDING.match(line.text)]
        if ending:
            return ending[-1:], relative(path, project.root)
    return [], ""
