"""SLURM's controller: what it still knows of jobs that sacct has not recorded yet, or where there is no accounting.

In: job ids. Out: SlurmJob records. The controller forgets a job some minutes after its end (MinJobAge), and knows no
steps; of a cancelled job it does not say who did it.
"""

from __future__ import annotations

import getpass
import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from ..facts import SlurmJob
from ..paths import same_folder

MOST_JOBS = 20  # one call each
TIMEOUT_SECONDS = 5  # for all of them
_ITEM = re.compile(r"([A-Z][\w/:]*)=(.*?)(?= [A-Z][\w/:]*=|\s*$)")
_NOTHING = {"", "(null)", "None", "N/A", "Unknown"}


def show(job_ids: Iterable[str]) -> list[SlurmJob]:
    """Records of those jobs, as far as the controller answers and knows them; an array's tasks one by one."""
    end = time.monotonic() + TIMEOUT_SECONDS
    found: dict[str, SlurmJob] = {}
    for job_id in list(job_ids)[:MOST_JOBS]:
        try:
            done = subprocess.run(
                ["scontrol", "-o", "show", "job", job_id],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=max(0.1, end - time.monotonic()),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            break
        for job in parse(done.stdout):
            found[job.id] = job
    return list(found.values())


def known_in(work_dir: Path) -> list[str]:
    """Ids of the user's jobs that were submitted in that folder: waiting, running, or ended some minutes ago.

    Of a job that waits, or ended before it could write, no log tells.
    """
    command = ["squeue", "-h", "-t", "all", "-u", getpass.getuser(), "-o", "%A|%Z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = (line.partition("|") for line in done.stdout.splitlines())
    return [job_id for job_id, _, folder in rows if same_folder(folder, work_dir)]


def parse(text: str) -> list[SlurmJob]:
    """Records of the output of `scontrol -o show job`, a line for each job."""
    return [_job(line) for line in text.splitlines() if line.startswith("JobId=")]


def _job(line: str) -> SlurmJob:
    fields = {key: value for key, value in _ITEM.findall(line) if value.strip() not in _NOTHING}
    get = fields.get
    return SlurmJob(
        id=_id(fields),
        state=get("JobState", ""),
        state_text=get("JobState", ""),
        exit_code=get("ExitCode", ""),
        name=get("JobName", ""),
        reason=get("Reason", ""),
        submit=get("SubmitTime", ""),
        start=get("StartTime", ""),
        end=get("EndTime", "") if get("JobState") not in ("RUNNING", "PENDING") else "",  # else only what is planned
        time_limit=get("TimeLimit", ""),
        requested_memory=next(iter(re.findall(r"\bmem=([^,]+)", get("TRES", ""))), ""),
        node=get("NodeList", ""),
        user=get("UserId", "").partition("(")[0],
        work_dir=get("WorkDir", ""),
        fields=fields,
        source="scontrol",
        raw=line.strip(),
    )


def _id(fields: dict[str, str]) -> str:
    """As sacct writes it: "12_3" for the task of an array, "12+1" for a component of a heterogeneous job."""
    if "ArrayJobId" in fields:
        return f"{fields['ArrayJobId']}_{fields.get('ArrayTaskId', '')}"
    if "HetJobId" in fields:
        return f"{fields['HetJobId']}+{fields.get('HetJobOffset', '0')}"
    return fields["JobId"]
