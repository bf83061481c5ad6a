"""Gathers all that can be observed about one run: its last attempt's logs, then every other kind of evidence.

Each source is guarded: one that breaks becomes a line of `not_checked`, since a broken reader must not cost the rest.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from . import catalogue
from .discover import RunState
from .facts import ABSENT, PARTIAL, READ, Artefact, Log, RunFacts, SnakemakeJob
from .project import Project
from .run import WORKFLOW, success_artefact
from .sources import snakemake
from .sources.log import read_log, signal_patterns
from .sources.snakemake_excerpt import lines_of_others

Reader = Callable[[Project, RunState, RunFacts], None]

# In this order: later ones may look at what earlier ones found (code at tracebacks, good_run at config and code).
SOURCES = ("config", "curves", "metrics", "tracker", "checkpoint", "data", "upstream", "code", "good_run")
LOGS_PER_PATTERN = 3  # of the run's own logs that one pattern finds, the newest


def collect_run(project: Project, run_state: RunState) -> RunFacts:
    """Everything about the run. Never raises: what went wrong is told in `not_checked`."""
    run = run_state.run
    facts = RunFacts(
        run=run.id,
        directory=project.relative(run.directory),
        dataset=run.dataset,
        name=run.name,
        stage=run.stage,
        size=run.size,
        state=run_state.state,
        reasons=run_state.reasons,
        sentinel=run_state.sentinel,
        collected_at=datetime.now().astimezone().isoformat(timespec="seconds"),
        profile=project.profile.as_dict(),
        attempts=run_state.attempts,
        slurm_jobs=run_state.slurm_jobs,
        snakemake_jobs=run_state.snakemake_jobs,
        not_checked=list(run_state.not_read),
    )
    readers: list[tuple[str, Reader]] = [("logs", _read_logs), ("artefacts", _look_at_artefacts)]
    if run.id != WORKFLOW:
        readers += [(name, _reader(name)) for name in SOURCES if _exists(name)]
    for name, read in readers:
        try:
            read(project, run_state, facts)
        except Exception as error:  # whatever a reader stumbles over, the others shall be heard
            facts.not_checked.append(f"{name}: the reader broke ({type(error).__name__}: {error})")
    return facts


def _exists(name: str) -> bool:
    return importlib.util.find_spec(f"{__package__}.sources.{name}") is not None


def _reader(name: str) -> Reader:
    """The reader of a kind of evidence; imported when it is used, since some import torch or pandas."""

    def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
        import_module(f"{__package__}.sources.{name}").read(project, run_state, facts)

    return read


def _read_logs(project: Project, run_state: RunState, facts: RunFacts) -> None:
    last_job = run_state.attempts[-1].job_id if run_state.attempts else ""
    for path, role, job_id in run_log_files(project, run_state):
        own_job = job_id or (last_job if role in ("stderr", "stdout") else "")
        log = read_log(path, project.root, role, own_job, lambda: _signals(project.root))
        if log.source.state == ABSENT or log.size == 0:
            if role in ("stderr", "stdout"):
                reason = log.source.reason if log.source.state == ABSENT else "empty"
                facts.not_checked.append(f"{log.source.path}: {reason or 'absent'}")
            continue
        if role in ("snakemake", "console") and facts.run != WORKFLOW:
            _leave_out_others(log, path, run_state.snakemake_jobs)
        facts.logs.append(log)
        if log.source.state != READ:
            facts.not_checked.append(f"{log.source.path}: {log.source.state}, {log.source.reason}")


@lru_cache(maxsize=1)
def _signals(root: Path) -> list[Any]:
    """What stands out in a log: the general words and the catalogue's patterns, as far as the catalogue can be read."""
    try:
        return signal_patterns(catalogue.load(catalogue.files(root)).expressions())
    except catalogue.CatalogueError:
        return signal_patterns()


def run_log_files(project: Project, run_state: RunState) -> list[tuple[Path, str, str]]:
    """The logs of the run's last attempt, with role and job id: its own streams, its job's, Snakemake's."""
    files: dict[Path, tuple[str, str]] = {}
    if run_state.run.id != WORKFLOW:
        for role, patterns in (("stderr", project.profile.logs.stderr), ("stdout", project.profile.logs.stdout)):
            for path in _own_logs(run_state.directory, patterns):
                files.setdefault(path, (role, ""))
    for path, role in run_state.job_logs:
        files.setdefault(path, (role, run_state.attempts[-1].job_id if run_state.attempts else ""))
    for name in run_state.snakemake_logs:
        path = project.absolute(name)
        files.setdefault(path, ("console" if path == project.snakemake_log else "snakemake", ""))
    return [(path, role, job_id) for path, (role, job_id) in files.items()]


def _own_logs(directory: Path, patterns: list[str]) -> list[Path]:
    """A plain name is expected, and named even if it is absent; of a pattern's files the newest count."""
    plain = [directory / name for name in patterns if "*" not in name]
    found = [path for path in plain if path.exists()]
    for pattern in patterns:
        if "*" in pattern:
            matches = sorted(directory.glob(pattern), key=lambda path: (path.stat().st_mtime, path.name))
            found += matches[-LOGS_PER_PATTERN:]
    return found or plain[:1]


def _leave_out_others(log: Log, path: Path, mine: list[SnakemakeJob]) -> None:
    """Drop what a Snakemake log says of the jobs of other runs."""
    text = path.read_text(encoding="utf-8", errors="replace")
    jobs = snakemake.parse(text, log.source.path).jobs
    if not mine or len(jobs) < 2:
        return
    others = lines_of_others(text, mine)
    if others:
        log.lines = [line for line in log.lines if line.number not in others]
        log.tracebacks = [found for found in log.tracebacks if found.first_line not in others]
        log.whole = False
        if log.source.state == READ:
            log.source.state, log.source.reason = PARTIAL, "lines about other runs' jobs were left out"


def _look_at_artefacts(project: Project, run_state: RunState, facts: RunFacts) -> None:
    success = success_artefact(run_state.run, project.profile)
    config = run_state.directory / project.profile.config_file if project.profile.config_file else None
    for path, role in ((success, "success"), (config, "config")):
        if path is None or run_state.run.id == WORKFLOW:
            continue
        there = path.is_file()
        size = path.stat().st_size if there else 0
        modified = datetime.fromtimestamp(path.stat().st_mtime).isoformat(timespec="seconds") if there else ""
        state = READ if size else (PARTIAL if there else ABSENT)
        facts.artefacts.append(Artefact(facts.run, project.relative(path), state, size, modified, role))
