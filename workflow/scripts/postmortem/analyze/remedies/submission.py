"""The same job once more: through the workflow that it came from, or as it was submitted, with other resources.

What SLURM recorded (SubmitLine and WorkDir of sacct, since 21.08) is known where the accounting was read; else the
command asks for it when it is pasted. Measured on SLURM 22.05: options on the command line win over `#SBATCH`, and of
two equal ones the last, so that an old one is taken out.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from ...facts import Log, RunFacts, SlurmJob
from .resources import FACTOR, sbatch_time
from .run_again import run_through_workflow
from .shell import argument


@dataclass(frozen=True)
class Request:
    """What a job is to have: minutes of wall time, megabytes of memory a node, nodes that it is not to get.

    0 and empty: as it had. `doubled` ("time" or "memory"): twice what SLURM has recorded, where the value is 0.
    """

    minutes: int = 0
    megabytes: int = 0
    exclude: str = ""
    doubled: str = ""


# sbatch's options, and how an old one may stand in a submit line; both for Python and for sed -E.
_TIME, _MEMORY, _EXCLUDE = "--time", "--mem", "--exclude"
_OLD = {
    _TIME: " (-t ?[0-9]|--time[= ])[^ ]*",
    _MEMORY: " --mem(-per-cpu)?[= ][^ ]*",
    _EXCLUDE: " (-x |--exclude[= ])[^ ]*",
}
_NUMBER = re.compile(r"^(\d{1,12})(?:$|[._+\[])")
_JOB_IN_LOG = re.compile(
    r"(?:\*\*\* (?:JOB|STEP) |StepId=|SLURM_JOB(?:_?ID)?\s*[=:]\s*|^(?:slurm )?job ?id\s*[:=]\s*|"
    r"^Submitted batch job )(\d{3,})\b",
    re.I,
)
_NODES = re.compile(r"\w[\w,\[\]-]*")
_WORKFLOW_LINES = re.compile(r"^(?:Building DAG of jobs|Error in rule |(?:local)?rule \w+:$|SLURM-job ')")
_RECORDED_MINUTES = "$(sacct -X -n -P -j $job -o TimelimitRaw)"
_DOUBLED_MEMORY = (
    "$(sacct -X -n -P -j $job -o ReqMem | "
    f"""awk '{{unit = $1; gsub(/[0-9.]/, "", unit); print {FACTOR} * $1 substr(unit, 1, 1)}}')"""
)


def submit_again(facts: RunFacts, job: str = "", request: Request = Request()) -> str:
    """The command that runs this run's job once more.

    job: its number as a statement tells it, for where the accounting does not; else it is looked for in the logs.
    Empty where neither the workflow nor the job is known, and where a workflow submitted it that cannot be asked.
    """
    record = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    if _of_a_workflow(facts, record):
        return _through_workflow(facts, request)
    line = record.fields.get("SubmitLine", "") if record else ""
    if record and line.split(" ")[0].endswith("sbatch"):
        return _as_recorded(line, record.work_dir, request)
    number = _NUMBER.match((record.id if record else job) or _job_in_logs(facts))
    return _asked_for(number[1], request) if number else ""


def _of_a_workflow(facts: RunFacts, record: SlurmJob | None) -> bool:
    line = record.fields.get("SubmitLine", "") if record else ""
    if facts.snakemake_jobs or "snakemake" in line or "--wrap" in line:
        return True
    return any(_names_a_workflow(log) for log in facts.logs)


def _job_in_logs(facts: RunFacts) -> str:
    """The job's number as SLURM's own lines and the job's environment tell it; empty if they name several or none."""
    named = {found[1] for log in facts.logs for line in log.lines if (found := _JOB_IN_LOG.search(line.text[:500]))}
    return named.pop() if len(named) == 1 else ""


def _names_a_workflow(log: Log) -> bool:
    return any(_WORKFLOW_LINES.match(line.text) for line in log.lines)


def _through_workflow(facts: RunFacts, request: Request) -> str:
    command = run_through_workflow(facts)
    rule = next((job.rule for job in reversed(facts.snakemake_jobs) if job.rule), "")
    names = facts.profile.get("run_again") or {}
    wanted = {names.get("time") or "runtime": request.minutes, names.get("memory") or "mem_mb": request.megabytes}
    resources = [argument(f"{rule}:{name}={value}") for name, value in wanted.items() if value and rule]
    return f"{command} --set-resources {' '.join(resources)}" if command and resources else command


def _options(request: Request) -> dict[str, str]:
    known = {
        _TIME: sbatch_time(request.minutes) if request.minutes else "",
        _MEMORY: f"{request.megabytes}M" if request.megabytes else "",
        _EXCLUDE: request.exclude if _NODES.fullmatch(request.exclude) else "",
    }
    return {name: value for name, value in known.items() if value}


def _as_recorded(line: str, folder: str, request: Request) -> str:
    options = _options(request)
    for name in options:
        line = re.sub(_OLD[name], "", line, count=1)
    program, _, rest = line.partition(" ")
    given = "".join(f" {name}={shlex.quote(value)}" for name, value in options.items())
    return (f"cd {argument(folder)} && " if folder else "") + f"{program}{given} {rest}".strip()


def _asked_for(number: str, request: Request) -> str:
    options = _options(request)
    if request.doubled == "time":
        options.setdefault(_TIME, f"$(({FACTOR} * {_RECORDED_MINUTES}))")
    if request.doubled == "memory":
        options.setdefault(_MEMORY, _DOUBLED_MEMORY)
    edits = [f"s/{_OLD[name]}//" for name in options]
    if options:
        edits.append(f"s/sbatch/&{''.join(f' {name}={value}' for name, value in options.items())}/")
    changed = f' | sed -E "{"; ".join(edits)}"' if edits else ""
    return (
        f"job={number}\n"
        'cd "$(sacct -X -n -P -j $job -o WorkDir)" &&\n'
        f'bash -c "$(sacct -X -n -P -j $job -o SubmitLine{changed})"'
    )
