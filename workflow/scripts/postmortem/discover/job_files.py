"""Files that belong to one cluster job: found by the profile's patterns, which put the job id into the name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ..project.project import Project

_PLACES = {"job_id": r"(?P<job_id>\d+(?:_\d+)?)", "rule": r"(?P<rule>[^/]+?)", "wildcards": r"(?P<wildcards>[^/]+)"}


@dataclass
class JobFiles:
    """The logs of one job. role: "job" for what sbatch captured, "executor" for those of Snakemake's SLURM plugin."""

    job_id: str
    rule: str = ""
    logs: list[tuple[Path, str]] = field(default_factory=list)  # with their role


def find(project: Project) -> dict[str, JobFiles]:
    """All jobs that left a log, by job id."""
    found: dict[str, JobFiles] = {}
    for role, patterns in (("job", project.profile.logs.job), ("executor", project.profile.logs.executor)):
        for pattern in patterns:
            expression = _expression(pattern)
            for path in sorted(project.root.glob(_glob(pattern))):
                match = expression.fullmatch(path.relative_to(project.root).as_posix())
                if match:
                    names = match.groupdict()
                    files = found.setdefault(names["job_id"], JobFiles(names["job_id"], names.get("rule") or ""))
                    files.logs.append((path, role))
    return found


def _glob(pattern: str) -> str:
    return re.sub(r"\{\w+\}", "*", pattern)


def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", pattern)
    return re.compile("".join(_PLACES[part] if i % 2 else re.escape(part) for i, part in enumerate(parts)))
