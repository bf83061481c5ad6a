"""The command that submits a job again, pasted on a real SLURM: by what was recorded, with other resources."""

from __future__ import annotations

import subprocess
from pathlib import Path

import flows
import pytest
from flows import wait_for

from postmortem.analyze.remedies.submission import Request, submit_again
from postmortem.facts import RunFacts, SlurmJob

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

SCRIPT = '#!/bin/bash\n#SBATCH --mem=300M\necho "$1 $2" > "said-$SLURM_JOB_ID"\n'


def said_by_sacct(job: str, *columns: str) -> list[str]:
    words = ["sacct", "-X", "-n", "-P", "-j", job, "-o", ",".join(columns)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip().split("|")


def ended(job: str) -> bool:
    """Whether the accounting has all of a job; the record of its start may come after that of its end."""
    state, *recorded = said_by_sacct(job, "State", "TimelimitRaw", "SubmitLine", "WorkDir")
    return state == "COMPLETED" and all(recorded)


def pasted(command: str, folder: Path) -> str:
    """The id of the job that the command submits, which has ended."""
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    job = done.stdout.split()[-1]
    wait_for(lambda: ended(job), 60, "the job that was submitted again")
    return job


@pytest.fixture
def job(slurm: None, tmp_path: Path) -> str:
    """A job that ended, of the script in tmp_path/work; submitted with an argument and a time limit."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "train.sh").write_text(SCRIPT)
    options = ["--parsable", f"--account={flows.ACCOUNT}", "--time=7", "--output=/dev/null"]
    words = ["sbatch", *options, "train.sh", "-tail", "x"]
    number = subprocess.run(words, cwd=work, capture_output=True, text=True, check=True).stdout.strip()
    wait_for(lambda: ended(number), 60, "the job")
    return number


def test_by_its_number_alone(job: str, tmp_path: Path) -> None:
    log_only = RunFacts(run="d/r", directory="d/r")
    again = pasted(submit_again(log_only, f"{job}.batch", Request(doubled="time")), tmp_path)
    assert said_by_sacct(again, "TimelimitRaw", "ReqMem") == ["14", "300M"]
    more = pasted(submit_again(log_only, job, Request(doubled="memory")), tmp_path)
    assert said_by_sacct(more, "TimelimitRaw", "ReqMem") == ["7", "600M"]
    assert (tmp_path / "work" / f"said-{more}").read_text() == "-tail x\n", "the script's arguments are kept"


def test_as_it_was_recorded(job: str, tmp_path: Path) -> None:
    line, folder = said_by_sacct(job, "SubmitLine", "WorkDir")
    record = SlurmJob(job, "OUT_OF_MEMORY", work_dir=folder, fields={"SubmitLine": line})
    known = RunFacts(run="d/r", directory="d/r", slurm_jobs=[record])
    again = pasted(submit_again(known, request=Request(minutes=90, megabytes=700, exclude="node02")), tmp_path)
    assert said_by_sacct(again, "TimelimitRaw", "ReqMem", "NodeList") == ["90", "700M", "node01"]
