"""Whether a run that ended well is to be suspected: the detectors' own judgements on what can be read in milliseconds.

There is no second set of thresholds here. The cheap readers fill facts as collect does, without data, databases and
schedulers, and a run is suspected for what a detector would call the cause by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..analyze.detectors import configuration, distillation, evaluation, learning, numerics, stopping, storage
from ..analyze.findings import FATAL
from ..analyze.verdict import SUSPECT_FROM
from ..collect.files import config, curves, metrics
from ..collect.files.cache_rebuilds import Rebuild, rebuilds
from ..collect.tensors import checkpoint
from ..facts import GraphCache, Line, Log, RunFacts, Source
from ..paths import modified, relative
from ..project.profile import Profile
from ..project.runs import from_id
from ..text import redact, visible

LookAtCaches = Callable[[Path, Path, Path], list[Rebuild]]

LOG_BYTES = 256 * 1024  # read of each end of a log
_DETECTORS = (numerics, learning, stopping, evaluation, configuration, distillation, storage)
LARGEST_CHECKPOINT = 256 * 2**20  # bytes; larger ones are left to the diagnosis, they take seconds


@dataclass(frozen=True)
class _Place:
    """What the readers ask of a project."""

    root: Path
    experiment_root: Path
    profile: Profile


@dataclass(frozen=True)
class _State:
    run: str
    directory: Path


def suspicions(run_directory: Path, profile: Profile, look_at_caches: LookAtCaches = rebuilds) -> list[str]:
    """Why a run that ended well should be diagnosed as suspect, in words; empty for a healthy one.

    In: the run's directory, two levels below the folder of runs. look_at_caches: `rebuilds`, or the same with a memory,
    since it reads the logs of the whole dataset. Nothing is written, no model library is loaded.
    """
    try:
        facts = screened_facts(run_directory, profile, look_at_caches)
        found = [finding for detector in _DETECTORS for finding in detector.detect(facts)]
    except Exception:  # discovery asks on every start of the workflow: a judgement that breaks must not stop it
        return []
    found = [finding for finding in found if finding.role == FATAL and finding.confidence >= SUSPECT_FROM]
    return [redact(f"{finding.id}: {finding.title}") for finding in found]


def screened_facts(run_directory: Path, profile: Profile, look_at_caches: LookAtCaches = rebuilds) -> RunFacts:
    """The facts that screening looks at, state "complete"."""
    experiments = run_directory.parent.parent
    place = _Place(_root_of(run_directory, profile), experiments, profile)
    run = from_id(f"{run_directory.parent.name}/{run_directory.name}", place)  # type: ignore[arg-type]
    facts = RunFacts(
        run.id,
        relative(run_directory, place.root),
        run.dataset,
        run.name,
        run.stage,
        run.size,
        "complete",
        profile=profile.as_dict(),
    )
    state = _State(run.id, run_directory)
    facts.logs = [
        _log(run_directory / name, place.root, role) for role in ("stderr", "stdout") for name in _names(profile, role)
    ]
    facts.logs = [log for log in facts.logs if log.lines]
    facts.curves = curves.read_curves(run_directory, place.root, most_bytes=LOG_BYTES)
    config.read(place, state, facts)
    metrics.read(place, state, facts)
    _checkpoints(place, state, facts)
    found = look_at_caches(run_directory.parent, experiments, place.root)
    if any(rebuild.run == run.id for rebuild in found):
        facts.cache = GraphCache(Source(""), {"rebuilds": [vars(rebuild) for rebuild in found]})
    return facts


def _checkpoints(place: _Place, state: _State, facts: RunFacts) -> None:
    paths = checkpoint.own_checkpoints(state.directory, place.profile.checkpoints)[:1]
    wanted: list[tuple[Path, str, str]] = [(path, "own", "") for path in paths]
    wanted += [item for item in checkpoint.needed_checkpoints(place, facts) if item[1] == "teacher" or facts.metrics]
    for path, role, run in wanted:
        try:
            small = path.stat().st_size <= LARGEST_CHECKPOINT
        except OSError:
            continue
        if small:
            facts.checkpoints.append(checkpoint.read_checkpoint(path, place.root, role, run))


def _root_of(run_directory: Path, profile: Profile) -> Path:
    """The project's folder: the nearest one above the runs that has the profile's data or a Snakemake folder."""
    marks = [".snakemake", profile.data.catalogue, "data"]
    for folder in run_directory.parents[2:5]:
        if any(mark and (folder / mark).exists() for mark in marks):
            return folder
    return run_directory.parents[2]


def _names(profile: Profile, role: str) -> list[str]:
    return [name for name in getattr(profile.logs, role) if "*" not in name]


def _log(path: Path, root: Path, role: str) -> Log:
    log = Log(Source(relative(path, root)), role, modified=modified(path))
    try:
        log.size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(2 * LOG_BYTES)
            tail = b""
            if log.size > len(head):
                log.whole = False
                stream.seek(max(len(head), log.size - LOG_BYTES))
                tail = stream.read(LOG_BYTES)
    except OSError:
        return log
    lines: list[Any] = [Line(i, text) for i, raw in enumerate(head.split(b"\n"), 1) if (text := _last_state(raw))]
    # Behind a gap nobody counted the lines; no finding of screening is quoted, so 0 is as good as any.
    lines += [Line(0, text) for raw in tail.split(b"\n") if (text := _last_state(raw))]
    log.lines = lines
    return log


def _last_state(raw: bytes) -> str:
    """A line as it was last rewritten by a progress bar."""
    return visible(raw.rstrip(b"\r").rpartition(b"\r")[2][:2000])
