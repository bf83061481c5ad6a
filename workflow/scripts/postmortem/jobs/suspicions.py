"""Whether a run that ended well is to be suspected: the detectors' own judgements on what can be read in milliseconds.

There is no second set of thresholds here. The cheap readers fill facts as collect does, without databases, schedulers
and the content of data, and a run is suspected for what a detector would call the cause by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..analyze.detectors import (
    configuration,
    distillation,
    evaluation,
    learning,
    numerics,
    one_class,
    other_dataset,
    skipped_files,
    stopping,
    storage,
)
from ..analyze.findings import FATAL
from ..analyze.verdict import SUSPECT_FROM
from ..collect.evidence import KINDS, own_checkpoints
from ..collect.files import config, curves, metrics
from ..collect.files.cache_rebuilds import rebuilds
from ..collect.files.data import METADATA, read_cache, read_metadata
from ..collect.tensors import checkpoint
from ..discover.discovery import RunState
from ..discover.recorded_states import COMPLETE
from ..facts import GraphCache, Line, Log, RunFacts, Source
from ..files import open_file
from ..paths import modified, relative
from ..project.project import Project
from ..project.runs import own_streams
from ..text import redact, visible

LOG_BYTES = 256 * 1024  # read of each end of a log
_DETECTORS = (
    numerics,
    learning,
    stopping,
    evaluation,
    configuration,
    distillation,
    one_class,
    other_dataset,
    storage,
    skipped_files,
)
LARGEST_CHECKPOINT = 256 * 2**20  # bytes; larger ones are left to the diagnosis, they take seconds


class Suspicions:
    """Judges runs of one project; what they share is read once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.rebuilds = lru_cache(maxsize=None)(rebuilds)  # reads the logs of all runs of a dataset
        self.cheap_readers: dict[str, Callable[[Project, RunState, RunFacts], None]] = {
            "logs": _read_log_ends,
            "config": config.read,
            "curves": _read_curves,
            "metrics": metrics.read,
            "checkpoint": _read_checkpoints,
            "data": self._look_at_data,
        }

    def of(self, state: RunState) -> list[str]:
        """Why a run that ended well should be diagnosed as suspect, in words; empty for a healthy one."""
        try:
            facts = self.facts_of(state)
            found = [finding for detector in _DETECTORS for finding in detector.detect(facts)]
        except Exception:  # it is asked on every start of the workflow: a judgement that breaks must not stop that
            return []
        found = [finding for finding in found if finding.role == FATAL and finding.confidence >= SUSPECT_FROM]
        return [redact(f"{finding.id}: {finding.title}") for finding in found]

    def facts_of(self, state: RunState) -> RunFacts:
        """The facts that screening looks at, of each kind of evidence that is declared to be screened."""
        run = state.run
        facts = RunFacts(
            run.id,
            relative(run.directory, self.project.root),
            run.dataset,
            run.name,
            run.stage,
            run.size,
            COMPLETE,
            profile=self.project.profile.as_dict(),
        )
        for kind in KINDS:
            if kind.screened:
                self.cheap_readers[kind.name](self.project, state, facts)
        return facts

    def _look_at_data(self, project: Project, state: RunState, facts: RunFacts) -> None:
        """What runs said of the cache, with its metadata; its content only where a curve asks for the labels."""
        found = self.rebuilds(state.directory.parent, project.experiment_root, project.root)
        cache = project.profile.data.cache
        folder = project.root / cache.format(dataset=facts.dataset, domain="") if cache else None
        if folder and one_class.labels_would_tell(facts):
            facts.cache = read_cache(folder, project.root)
        elif any(rebuild.run == state.run.id for rebuild in found):
            facts.cache = GraphCache(Source(""))
            if folder:
                read_metadata(folder / METADATA, project.root, facts.cache)
        if facts.cache:
            facts.cache.metadata["rebuilds"] = [vars(rebuild) for rebuild in found]


def _read_curves(project: Project, state: RunState, facts: RunFacts) -> None:
    facts.curves = curves.read_curves(state.directory, project.root, most_bytes=LOG_BYTES)


def _read_checkpoints(project: Project, state: RunState, facts: RunFacts) -> None:
    paths = own_checkpoints(state.directory, project.profile.checkpoints)[:1]
    wanted: list[tuple[Path, str, str]] = [(path, "own", "") for path in paths]
    wanted += [item for item in checkpoint.needed_checkpoints(project, facts) if item[1] == "teacher" or facts.metrics]
    for path, role, run in wanted:
        try:
            small = path.stat().st_size <= LARGEST_CHECKPOINT
        except OSError:
            continue
        if small:
            facts.checkpoints.append(checkpoint.read_checkpoint(path, project.root, role, run))


def _read_log_ends(project: Project, state: RunState, facts: RunFacts) -> None:
    logs = [_log(path, project.root, role) for path, role in own_streams(state.run, project.profile)]
    facts.logs = [log for log in logs if log.lines]


def _log(path: Path, root: Path, role: str) -> Log:
    log = Log(Source(relative(path, root)), role, modified=modified(path))
    try:
        log.size = path.stat().st_size
        with open_file(path) as stream:
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
