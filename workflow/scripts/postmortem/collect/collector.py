"""Gathers all that can be observed about one run: its last attempt's logs, then every other kind of evidence.

Each source is guarded: one that breaks becomes a line of `not_checked`, since a broken reader must not cost the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..analyze import catalogue
from ..discover import snakemake_log
from ..discover.discovery import RunState
from ..discover.scheduler_records import LOG_BYTES
from ..errors import describe
from ..facts import ABSENT, PARTIAL, READ, Artefact, Log, RunFacts, SnakemakeJob
from ..project.project import Project
from ..project.runs import WORKFLOW, success_artefact
from .logs.scan import CHUNK_BYTES, read_log, signal_patterns
from .logs.snakemake_excerpt import lines_of_others

Reader = Callable[[Project, RunState, RunFacts], None]

WHOLE_BYTES = 512 * 1024  # of all logs of a run that are kept whole; so that facts stay about 1 MB
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
    for name, read in [*readers, *(_readers() if run.id != WORKFLOW else [])]:
        try:
            read(project, run_state, facts)
        except Exception as error:  # whatever a reader stumbles over, the others shall be heard
            facts.not_checked.append(f"{name}: the reader broke ({describe(error)})")
    return facts


def _readers() -> list[tuple[str, Reader]]:
    """The readers of all other evidence. Imported here: whoever only plans the jobs needs none of them.

    In this order: later ones may look at what earlier ones found (code at tracebacks, good_run at config and code).
    """
    from .around import code, good_run, upstream
    from .files import config, curves, data, metrics, tracker
    from .tensors import checkpoint

    return [
        ("config", config.read),
        ("curves", curves.read),
        ("metrics", metrics.read),
        ("tracker", tracker.read),
        ("checkpoint", checkpoint.read),
        ("data", data.read),
        ("upstream", upstream.read),
        ("code", code.read),
        ("good_run", good_run.read),
    ]


def _read_logs(project: Project, run_state: RunState, facts: RunFacts) -> None:
    left = WHOLE_BYTES
    last_job = run_state.attempts[-1].job_id if run_state.attempts else ""
    for path, role, job_id in run_log_files(project, run_state):
        own_job = job_id or (last_job if role in ("stderr", "stdout") else "")
        log = read_log(path, project.root, role, own_job, lambda: _signals(project.root), left)
        left = max(0, left - log.size) if log.whole else left
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
    """Drop what a Snakemake log says of the jobs of other runs. Of a large one only the end is looked at.

    Discovery knows no job of this run from further up: whatever is told there is of others.
    """
    if not mine:
        return
    before, text = _tail(path)
    jobs = snakemake_log.parse(text, log.source.path).jobs
    if len(jobs) < 2 and not before:
        return
    others = {before + number for number in lines_of_others(text, mine)}
    if others or before:
        log.lines = [line for line in log.lines if line.number > before and line.number not in others]
        log.tracebacks = [
            found for found in log.tracebacks if found.first_line > before and found.first_line not in others
        ]
        log.whole = False
        if log.source.state == READ:
            log.source.state, log.source.reason = PARTIAL, "lines about other runs' jobs were left out"


def _tail(path: Path) -> tuple[int, str]:
    """The last bytes of a log, from the beginning of a line on, and how many lines stand before them."""
    with path.open("rb") as stream:
        left = stream.seek(0, 2) - LOG_BYTES
        stream.seek(0)
        before = 0
        while left > 0 and (block := stream.read(min(left, CHUNK_BYTES))):
            before += block.count(b"\n")
            left -= len(block)
        if stream.tell():
            before += stream.readline(CHUNK_BYTES).endswith(b"\n")
        return before, stream.read(LOG_BYTES).decode("utf-8", "replace")


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
