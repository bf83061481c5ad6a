"""Sentinels: the file `.failed` in a run's folder, which says that the run failed, and how its attempt ended.

Read from a run's folder; made from a Snakemake log, or from what SLURM says of a job, and written whole. A run's folder
is never made here: a job that was refused before it had one is a failure of the workflow.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from ..facts import SlurmJob, SnakemakeJob
from ..files import LARGEST_FILE, read_tail, read_text, write_whole
from ..project.project import Project
from ..project.runs import from_id, run_of_path
from ..text import presentable, safe
from . import snakemake_log
from .jobs_of_runs import find_job_files, runs_of_job, settle_groups
from .snakemake_log import SnakemakeLog

SENTINEL = ".failed"
_EXIT = re.compile(
    r"Command '(?P<command>.*?)' "
    r"(?:returned non-zero exit status (?P<code>\d+)|died with <Signals\.\w+: (?P<signal>\d+)>)",
    re.DOTALL,
)
_WRITTEN_TO = re.compile(r"(?:^|[\s\d&])>>?\s*([^\s;|&>]+)")
_SLURM_ID = re.compile(r"\d+(?:[_+]\d+)?")
SENTINEL_DEPTH = 4  # of the fields, the wildcards, their values
LONGEST_VALUE = 4000  # characters; a reason is a line
LARGEST_SENTINEL = 2**20  # bytes; what writers of sentinels leave is a few hundred
_REASON_LENGTH = 300


def read(directory: Path) -> dict[str, Any] | None:
    """The content of a run's sentinel; {} for an empty or broken one, for it is one nevertheless; None without one."""
    try:
        content = json.loads(read_text(directory / SENTINEL, LARGEST_SENTINEL) or "{}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError):
        return {}
    # Secrets go here already: in a sentence that quotes a field they are harder to know.
    fields: dict[str, Any] = presentable(_shallow(content, SENTINEL_DEPTH)) if isinstance(content, dict) else {}
    return fields


def _shallow(value: Any, depth: int) -> Any:
    """What a sentinel may say: plain values some levels deep; what lies deeper, or is longer than a name, is cut."""
    if isinstance(value, str):
        return safe(value)[:LONGEST_VALUE]
    if isinstance(value, dict):
        return {key[:LONGEST_VALUE]: _shallow(item, depth - 1) for key, item in value.items()} if depth else {}
    if isinstance(value, list):
        return [_shallow(item, depth - 1) for item in value] if depth else []
    return value if not isinstance(value, int) or abs(value) < 2**63 else None


def write(directory: Path, content: dict[str, Any]) -> None:
    """Write a run's sentinel. What another writer knows of the same SLURM job is kept: a trap knows the exit code."""
    known = {key: value for key, value in content.items() if value not in ("", None, [], {})}
    before = read(directory) or {}
    if known.get("slurm_job_id") and known["slurm_job_id"] == before.get("slurm_job_id"):
        known = before | known
    write_whole(directory / SENTINEL, json.dumps(presentable(known), indent=1, ensure_ascii=False) + "\n")


def write_from_log(project: Project, log_file: Path) -> list[str]:
    """Write the sentinels of the jobs that failed for good in a Snakemake log; the ids of their runs.

    Raises OSError if the log cannot be read. A run without a folder, or in one that refuses us, gets none.
    """
    text = read_tail(log_file, LARGEST_FILE)
    log = snakemake_log.parse(text, project.relative(log_file))
    found: dict[str, dict[str, Any]] = {}
    settle_groups(log.jobs, find_job_files(project))
    for job in log.jobs:
        if job.state != snakemake_log.FAILED:
            continue
        for run_id in runs_of_job(job, project):
            found[run_id] = _of_snakemake(job, log, text)
    if not found:
        found = _of_commands(project, text)
    for run_id, content in found.items():
        directory = from_id(run_id, project).directory
        if directory.is_dir():
            try:
                write(directory, content)
            except OSError:
                continue  # discovery finds the run without it, from the same log
    return list(found)


def of_slurm(job: SlurmJob) -> dict[str, Any]:
    """What SLURM's accounting says of a job, as a sentinel's content."""
    return {
        "slurm_job_id": job.id,
        "exit_code": _exit_code(job.exit_code),
        "time": job.end or _now(),
        "source": "sacct",
        "reason": job.state_text,
    }


def _of_snakemake(job: SnakemakeJob, log: SnakemakeLog, text: str) -> dict[str, Any]:
    tries = [other for other in log.jobs if (other.rule, other.outputs) == (job.rule, job.outputs)]
    return {
        "rule": job.rule,
        "wildcards": job.wildcards,
        "jobid": int(job.jobid) if re.fullmatch(r"[0-9]{1,18}", job.jobid) else job.jobid,
        "slurm_job_id": _slurm_id(job.external_jobid),
        "logs": job.logs,
        "attempt": tries.index(job) + 1,
        "exit_code": _told_exit_code(job, text),
        "time": job.ended or _now(),
        "source": "onerror",
        "reason": " ".join(job.message.split())[:_REASON_LENGTH],
    }


def _of_commands(project: Project, text: str) -> dict[str, dict[str, Any]]:
    """With --quiet rules, Snakemake 9 logs no blocks: the command that failed says which run it wrote to."""
    found = {}
    for match in _EXIT.finditer(text):
        for path in _WRITTEN_TO.findall(match["command"]):
            if run_id := run_of_path(path, project):
                found[run_id] = {"exit_code": _status(match), "time": _now(), "source": "onerror"}
    return found


def _told_exit_code(job: SnakemakeJob, text: str) -> int | None:
    """From "Command '…' returned non-zero exit status 1", which names the job by its command only."""
    command = " ".join(job.shell.split())
    for match in _EXIT.finditer(text) if command else ():
        if " ".join(match["command"].split()).endswith(command):
            return _status(match)
    return None


def _status(match: re.Match[str]) -> int:
    return int(match["code"]) if match["code"] else 128 + int(match["signal"])


def _exit_code(text: str) -> int | None:
    """Of "code:signal" as sacct writes it, as a shell would give it."""
    match = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text)
    if not match:
        return None
    return int(match[1]) or (128 + int(match[2]) if int(match[2]) else 0)


def _slurm_id(external: str) -> str:
    """The id in what a cluster's submit command printed: "123", or "Submitted batch job 123"."""
    found = _SLURM_ID.findall(external)
    return found[-1] if found else ""


def _now() -> str:
    return datetime.now().isoformat(timespec="seconds")
