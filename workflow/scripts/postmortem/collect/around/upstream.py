"""The runs that this one needs, directly and through others: their state, their artefacts, and why they failed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ...facts import ABSENT, PARTIAL, READ, UNREADABLE, Artefact, Line, RunFacts, UpstreamRun
from ...paths import modified, relative
from ...project.runs import from_id, required_runs, success_artefact
from ...text import clean
from ..files.config import config_name

MOST_RUNS = 12
TAIL_BYTES = 64 * 1024  # of an upstream log; why it failed stands at its end
_SAID = re.compile(
    r"^(?:[\w.]*(?:Error|Exception|Interrupt)\b|Killed|Segmentation fault|slurmstepd: error|.*\bCANCELLED\b)"
)


def read(project: Any, run_state: Any, facts: RunFacts) -> None:
    """Fill facts.upstream, nearest first. Their checkpoints' content is in facts.checkpoints."""
    distances = needed(from_id(facts.run, project), project)
    for run_id, distance in list(distances.items())[:MOST_RUNS]:
        facts.upstream.append(look_at(run_id, distance, project))


def needed(run: Any, project: Any) -> dict[str, int]:
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


def look_at(run_id: str, distance: int, project: Any) -> UpstreamRun:
    """One needed run: whether it succeeded, by its declared output and its sentinel; its last words if it did not."""
    run, root = from_id(run_id, project), Path(project.root)
    if not run.directory.is_dir():
        return UpstreamRun(run_id, "absent", "it has no directory: it was never run", distance)
    success = success_artefact(run, project.profile)
    paths = [(success, "success")] if success else []
    paths.append((run.directory / config_name(project), "config"))
    artefacts = [_artefact(path, role, run_id, root) for path, role in paths]
    found = UpstreamRun(run_id, "unknown", "", distance, artefacts)
    made = next((a for a in artefacts if a.role == "success"), None)
    lines, source = _last_words(run.directory, root, project.profile.logs.stderr)
    if made and made.state == READ:
        found.state, found.reason = "complete", f"{made.path} is there"
    elif (run.directory / ".failed").exists() or lines:
        found.state, found.reason = "failed", f"{made.path} is {made.state}" if made else "it has a failed-job sentinel"
        found.evidence, found.evidence_source = lines, source
    elif made:
        found.state, found.reason = "unknown", f"{made.path} is {made.state}, and no log says why"
    return found


def _artefact(path: Path, role: str, run_id: str, root: Path) -> Artefact:
    found = Artefact(run_id, relative(path, root), ABSENT, role=role)
    try:
        found.size, found.modified = path.stat().st_size, modified(path)
        found.state = READ if found.size else PARTIAL
        if role == "config" and found.size < 1_000_000:
            json.loads(path.read_bytes())
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RecursionError):
        found.state = UNREADABLE
    return found


def _last_words(directory: Path, root: Path, names: list[str]) -> tuple[list[Line], str]:
    """The last line of the run's stderr that reads as the end of a program, with its number."""
    for path in [directory / name for name in names if "*" not in name]:
        try:
            size = path.stat().st_size
            with path.open("rb") as stream:
                before = 0
                if size > TAIL_BYTES:
                    while stream.tell() < size - TAIL_BYTES:
                        before += stream.read(min(1 << 20, size - TAIL_BYTES - stream.tell())).count(b"\n")
                tail = stream.read(TAIL_BYTES)
        except OSError:
            continue
        lines = [Line(before + i, clean(raw)) for i, raw in enumerate(tail.split(b"\n"), 1)]
        said = [line for line in lines if _SAID.match(line.text)]
        if said:
            return said[-1:], relative(path, root)
    return [], ""
