"""What the workflow's jobs do for each run of their batch. Whatever goes wrong in one run is told in its own result.

A job must not fail because of what it finds: Snakemake would delete the good results of the other runs of the batch.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from .. import facts
from ..analyze import catalogue, diagnose
from ..analyze.catalogue import Catalogue
from ..collect import collector
from ..collect.logs.scan import signal_patterns
from ..discover.discovery import RunState
from ..errors import describe
from ..facts import RunFacts
from ..files import read_text, write_whole
from ..project.project import Project, from_config
from ..project.runs import Run, from_id
from ..report import document, fallback, render
from ..text import presentable
from . import handover

Signals = Callable[[], list[Any]]

LOG = logging.getLogger(__name__)


class NotCollected(Exception):
    """There are no facts of the run to judge; the message says why."""


def log_to(path: str) -> None:
    """Send this process's log to a file; Snakemake creates a script's log empty."""
    logging.basicConfig(filename=path, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True)


def collect_batch(
    settings: Mapping[str, Any],
    run_ids: Sequence[str],
    found: str,
    catalogue_files: Sequence[str],
    targets: Sequence[str],
) -> None:
    """Write each run's facts. settings: the config. found: the file with what was found of the runs.

    targets: one path per run, in the same order.
    """
    project = from_config(settings, Path.cwd())
    states, all_runs = handover.read(project, found), handover.read(project, handover.ALL_RUNS)
    signals = signals_of(lambda: load_catalogue(catalogue_files)[0])
    for run_id, target in zip(run_ids, targets, strict=True):
        state = states.get(run_id) or _not_handed_over(from_id(run_id, project), found)
        if not state.directory.is_dir():
            state = RunState(state.run, reasons=["it was there when the jobs were planned, and is gone now"])
        collect_one(project, state, all_runs, signals, Path(target))


def _not_handed_over(run: Run, found: str) -> RunState:
    reason = f"{found}: what was found of this run is not there any more; diagnose it again"
    return RunState(run, reasons=[reason], not_read=[reason])


def signals_of(entries: Callable[[], Catalogue]) -> Signals:
    """What stands out in a log by the catalogue, which is compiled once, and only if a log is too large to keep."""
    return cache(lambda: signal_patterns(entries().expressions()))


def collect_one(
    project: Project, state: RunState, all_runs: Mapping[str, RunState], signals: Signals, target: Path
) -> None:
    """Write the facts of one run. state, all_runs, signals: as collector.collect_run takes them."""
    known = collector.collect_run(project, state, all_runs, signals)
    try:
        facts.write(known, target)
    except (ValueError, TypeError) as error:
        LOG.exception("facts of %s", known.run)
        problem = f"its facts could not be written ({describe(error)})"
        facts.write(RunFacts(known.run, known.directory, not_collected=problem), target)
    LOG.info("collected %s: %d logs, state %s", known.run, len(known.logs), known.state)


def analyze_batch(sources: Sequence[str], catalogue_files: Sequence[str], targets: Sequence[str]) -> None:
    """Write each run's diagnosis.json. sources: the facts, one path per target."""
    entries, problems = load_catalogue(catalogue_files)
    for source, target in zip(sources, targets, strict=True):
        analyze_one(Path(source), entries, problems, Path(target))


def analyze_one(source: Path, entries: Catalogue, problems: list[str], target: Path) -> None:
    """Write the diagnosis.json of one run. entries, problems: as load_catalogue returns them."""
    run_id = source.parent.name
    try:
        known = facts.read(source)
        run_id = known.run
        if known.not_collected:
            raise NotCollected(known.not_collected)
        known.not_checked += problems
        result = presentable(document.document(known, diagnose.diagnose(known, entries)))
        content = json.dumps(result, indent=1, ensure_ascii=False)
    except NotCollected as error:
        result = fallback.diagnosis(run_id, str(error))
        content = json.dumps(result, indent=1)
    except Exception as error:
        LOG.exception("analysis of %s", source)
        result = fallback.diagnosis(run_id, f"the analysis broke ({describe(error)})")
        content = json.dumps(result, indent=1)
    write_whole(target, content + "\n")
    LOG.info("analyzed %s: %s", run_id, (result.get("root_cause") or {}).get("id", result.get("status")))


def report_batch(sources: Sequence[str], targets: Sequence[str]) -> None:
    """Write each run's diagnosis.md. sources: the diagnoses, one path per target."""
    for source, target in zip(sources, targets, strict=True):
        report_one(Path(source), Path(target))


def report_one(source: Path, target: Path) -> None:
    """Write the diagnosis.md of one run."""
    run_id = source.parent.name
    try:
        result = json.loads(read_text(source))
        run_id = result["run"]
        text = render.markdown(result)
    except Exception as error:
        LOG.exception("report of %s", source)
        text = fallback.markdown(run_id, f"The report broke ({describe(error)}); see {source}.")
    write_whole(target, text)


def load_catalogue(files: Sequence[str]) -> tuple[Catalogue, list[str]]:
    """The catalogue of those files that can be used, and what is wrong with the others."""
    paths = [Path(file) for file in files]
    try:
        return catalogue.load(paths), []
    except catalogue.CatalogueError:
        LOG.exception("catalogue")
    usable, problems = [], []
    for path in paths:
        try:
            catalogue.load([path])
            usable.append(path)
        except catalogue.CatalogueError as error:
            problems.append(f"catalogue file left out: {error}")
    return catalogue.load(usable), problems
