"""The last good run: this run's own last success, else its nearest sibling's, and what is different now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import times
from ...facts import READ, Difference, GoodRun, Log, RunFacts, TrackedAttempt
from ...git import GitRepository
from ...project.runs import Run, own_streams, success_artefact
from ..evidence import config_name, own_checkpoints
from ..files.config import read_config
from ..logs.scan import read_log
from ..tensors.checkpoint import read_checkpoint
from . import differences
from .code import started_at

if TYPE_CHECKING:
    from ...discover.discovery import RunState
    from ...project.project import Project

DIFFERENCES = 20  # shown; more than that is another run, not the same with a change
SAME_ATTEMPT = timedelta(hours=1)  # a tracker and a scheduler that name ends so near mean the same attempt
_ENDED_WELL = {"complete", "completed", "finished", "success"}


@dataclass
class _Good:
    """A run that went well, with what is left of it."""

    run: str
    relation: str
    ended: datetime | None = None
    config: dict[str, Any] = field(default_factory=dict)
    logs: list[Log] = field(default_factory=list)
    checkpoint: Path | None = None  # a sibling's; the run's own earlier ones are overwritten


def read(project: Project, run_state: RunState, facts: RunFacts, all_runs: Mapping[str, RunState]) -> None:
    """Fill facts.good_run, if there is a good run to compare with, and facts.environment.

    all_runs: what was found of each run, by id; those that are complete are good.
    """
    own_values = {key: item.value for key, item in facts.config.values.items()} if facts.config else {}
    facts.environment = differences.versions_in(facts.logs) | differences.versions_in_config(own_values)
    started = started_at(facts)
    own = _earlier_attempt(project, facts, started)
    good = own if own and (own.config or own.logs) else _sibling(project, run_state.run, all_runs) or own
    if good is None:
        return
    found = GoodRun(good.run, good.relation, good.ended.isoformat(timespec="seconds") if good.ended else "")
    found.differences = differences.of_config(facts.config, good.config, of_sibling=good.relation == "sibling")
    versions = differences.versions_in(good.logs) | differences.versions_in_config(good.config)
    found.differences += differences.of_versions(facts.environment, versions)
    files = sorted({frame.file for frame in facts.code})
    found.differences += differences.of_code(GitRepository(project.root), files, good.ended, started)
    names = [facts.dataset, facts.name, *good.run.split("/")]
    found.new_lines, found.new_lines_source = differences.of_lines(facts.logs, good.logs, names)
    found.differences = found.differences[:DIFFERENCES] + _of_weights(facts, good, project.root)
    facts.good_run = found


def _of_weights(facts: RunFacts, good: _Good, root: Path) -> list[Difference]:
    """Of the first checkpoint that the run left, where the good run left one as well."""
    own = next((found for found in facts.checkpoints if found.role == "own" and found.tensors), None)
    if own is None or good.checkpoint is None:
        return []
    return differences.of_weights(own, read_checkpoint(good.checkpoint, root, "sibling", good.run))


# --- the same run, earlier -----------------------------------------------------------------------------------------


def _earlier_attempt(project: Project, facts: RunFacts, started: datetime | None) -> _Good | None:
    """The last attempt of the same run that succeeded, as the schedulers and the trackers know it."""
    scheduled, tracked = _scheduled(project, facts), _tracked(facts, started)
    if scheduled is None or tracked is None:
        return scheduled or tracked
    assert scheduled.ended and tracked.ended
    if abs(scheduled.ended - tracked.ended) <= SAME_ATTEMPT:
        tracked.logs = scheduled.logs
        return tracked
    return max(scheduled, tracked, key=lambda good: good.ended or datetime.min)


def _scheduled(project: Project, facts: RunFacts) -> _Good | None:
    """The last earlier attempt that SLURM or Snakemake calls finished; its output is what sbatch captured."""
    for attempt in reversed(facts.attempts[:-1]):
        ended = times.parse(attempt.end)
        if attempt.state.lower() not in _ENDED_WELL or ended is None:
            continue
        paths = [project.absolute(name) for name in attempt.logs if name.endswith((".err", ".out"))]
        logs = [read_log(path, project.root, "job", attempt.job_id) for path in paths]
        return _Good(facts.run, "same run", ended, {}, [log for log in logs if log.source.state == READ and log.size])
    return None


def _tracked(facts: RunFacts, started: datetime | None) -> _Good | None:
    """The last earlier attempt that a database calls finished, with the configuration that it keeps.

    Its newest row is of an earlier attempt where it ended before this one started: an attempt that dies at the start
    never reaches the tracker.
    """
    found = []
    for tracked in facts.trackers:
        rows = [tracked.good] if tracked.good else []
        if started is not None:
            rows.append(TrackedAttempt(tracked.status, tracked.ended_at, tracked.params))
        for row in rows:
            ended = times.parse(row.ended_at)
            if row.status.lower() in _ENDED_WELL and ended and (started is None or ended < started):
                config = {key.removeprefix("config."): value for key, value in row.params.items()}
                found.append(_Good(facts.run, "same run", ended, config))
    return max(found, key=lambda good: (good.ended or datetime.min, len(good.config)), default=None)


# --- siblings ------------------------------------------------------------------------------------------------------


def _sibling(project: Project, run: Run, all_runs: Mapping[str, RunState]) -> _Good | None:
    good = nearest_sibling(project, run, all_runs)
    if good is None:
        return None
    logs = [read_log(path, project.root, role) for path, role in own_streams(good, project.profile)]
    ended = max((moment for log in logs if (moment := times.parse(log.last_time))), default=None)
    config = read_config(good.directory / config_name(project.profile), project.root)
    values = {key: item.value for key, item in config.values.items()}
    checkpoints = own_checkpoints(good.directory, project.profile.checkpoints)
    return _Good(good.id, "sibling", ended, values, logs, next(iter(checkpoints), None))


def nearest_sibling(project: Project, run: Run, all_runs: Mapping[str, RunState]) -> Run | None:
    """The good run of the same stage that is nearest: the same run of another dataset, then another size or kind.

    One that ended well and is under suspicion itself, such as a model full of NaN, is not complete, and no example.
    """
    if not run.stage:
        return None
    complete = [state.run for state in all_runs.values() if state.state == "complete"]
    siblings = [other for other in complete if other.stage == run.stage and other.id != run.id]
    siblings.sort(
        key=lambda other: (other.size != run.size, other.kd != run.kd, other.dataset != run.dataset, other.id)
    )
    return next((other for other in siblings if _made_its_output(project, other)), None)


def _made_its_output(project: Project, run: Run) -> bool:
    artefact = success_artefact(run, project.profile)
    return artefact is not None and artefact.is_file() and artefact.stat().st_size > 0
