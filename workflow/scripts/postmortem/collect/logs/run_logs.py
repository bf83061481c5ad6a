"""The logs of a run's last attempt → facts.logs, without what the pipeline's logs say of other runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...discover import snakemake_log
from ...discover.discovery import RunState
from ...discover.scheduler_records import LOG_BYTES
from ...facts import ABSENT, PARTIAL, READ, Log, RunFacts, SnakemakeJob
from ...files import open_file
from ...project.project import Project
from ..evidence import is_shared_log, log_files
from .scan import CHUNK_BYTES, read_log
from .snakemake_excerpt import lines_of_others

WHOLE_BYTES = 512 * 1024  # of all logs of a run that are kept whole; so that facts stay about 1 MB


def read(project: Project, run_state: RunState, facts: RunFacts, signals: Callable[[], list[Any]]) -> None:
    """Fill facts.logs. signals: gives what stands out in a log, as scan.signal_patterns; asked for large logs only."""
    left = WHOLE_BYTES
    last_job = run_state.attempts[-1].job_id if run_state.attempts else ""
    for path, role, job_id in log_files(project, run_state):
        own_job = job_id or (last_job if role in ("stderr", "stdout") else "")
        log = read_log(path, project.root, role, own_job, signals, left)
        left = max(0, left - log.size) if log.whole else left
        if log.source.state == ABSENT or log.size == 0:
            if role in ("stderr", "stdout"):
                reason = log.source.reason if log.source.state == ABSENT else "empty"
                facts.not_checked.append(f"{log.source.path}: {reason or 'absent'}")
            continue
        if is_shared_log(facts.run, role):
            _leave_out_others(log, path, run_state.snakemake_jobs)
        facts.logs.append(log)
        if log.source.state != READ:
            facts.not_checked.append(f"{log.source.path}: {log.source.state}, {log.source.reason}")


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
    with open_file(path) as stream:
        left = stream.seek(0, 2) - LOG_BYTES
        stream.seek(0)
        before = 0
        while left > 0 and (block := stream.read(min(left, CHUNK_BYTES))):
            before += block.count(b"\n")
            left -= len(block)
        if stream.tell():
            before += stream.readline(CHUNK_BYTES).endswith(b"\n")
        return before, stream.read(LOG_BYTES).decode("utf-8", "replace")
