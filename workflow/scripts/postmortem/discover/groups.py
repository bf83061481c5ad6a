"""Which job of a failed group failed: the main log names them all, only the log of the group's cluster job knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..facts import SnakemakeJob
from . import snakemake_log
from .job_files import JobFiles
from .sacct import base_id


def settle(jobs: Iterable[SnakemakeJob], files: Mapping[str, JobFiles]) -> None:
    """Correct, in place, the state of jobs whose group failed after they had finished. files: by SLURM job id."""
    groups: dict[tuple[str, str], list[SnakemakeJob]] = {}
    for job in jobs:
        if job.state == snakemake_log.FAILED and job.external_jobid:
            groups.setdefault((job.log, job.external_jobid), []).append(job)
    for (_, job_id), members in groups.items():
        if len(members) < 2:
            continue
        finished = _finished_inside(files.get(job_id) or files.get(base_id(job_id)))
        for job in members:
            if set(job.outputs) & finished:
                job.state = snakemake_log.FINISHED


def _finished_inside(files: JobFiles | None) -> set[str]:
    """Outputs of the jobs that the Snakemake inside a SLURM job says it finished."""
    finished: set[str] = set()
    for path, _ in files.logs if files else []:
        try:
            inner = snakemake_log.parse(path.read_text(encoding="utf-8", errors="replace"), str(path))
        except OSError:
            continue
        finished |= {name for job in inner.jobs if job.state == snakemake_log.FINISHED for name in job.outputs}
    return finished
