"""Diagnosis as a dependency job: SLURM itself starts it when a job has failed, whether or not its head process lives.

submit_diagnosis.py JOB...        for jobs and arrays, one diagnosis job each
submit_diagnosis.py --workflow    for all jobs of this project that wait or run now
submit_diagnosis.py --submit sbatch ...    for the job that this command submits: fit for the `cluster:` of a profile

Called where the jobs are submitted, so in the pipeline's Python: the standard library only, Python 3.8.
"""

from __future__ import annotations

import argparse
import getpass
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

from ..hooks import COMMAND, REPOSITORY, find_interpreter

NAME = "postmortem-"  # and the id of the watched job
RESOURCES = ["--cpus-per-task=1", "--mem=1G", "--time=10"]
LOGS = os.path.join(".snakemake", "postmortem")
LIVE = "PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING,REQUEUED"
NOT_OURS = ("SBATCH_GPU", "SBATCH_GRES", "SBATCH_MEM", "SBATCH_ARRAY", "SBATCH_EXCLUSIVE")
"""What the user sets for trainings must not reach the diagnosis."""


class SubmissionError(Exception):
    """One sentence for the user."""


class Job:
    """A job in the queue. id: of the whole array or heterogeneous job. name, account, folder: as squeue shows them."""

    def __init__(self, shown_id: str, job_id: str, account: str, folder: str, name: str) -> None:
        self.id, self.account, self.folder, self.name = job_id, account, folder, name
        self.is_array = "_" in shown_id


def main(arguments: list[str] | None = None) -> int:
    """Prints a line for each diagnosis job. Exit status 1, with one sentence, where SLURM refuses."""
    parser = argparse.ArgumentParser(description="Submit SLURM jobs that diagnose other jobs if they fail.")
    parser.add_argument("job", nargs="*", help="id of a job, of an array or of an array's task")
    parser.add_argument("--workflow", action="store_true", help="all jobs of the project that wait or run now")
    parser.add_argument("--directory", default=os.getcwd(), help="the project's folder")
    parser.add_argument("--config", action="append", default=[], metavar="KEY=VALUE", help="as for the workflow")
    parser.add_argument(
        "--sbatch", default="", metavar="OPTIONS", help="more options of sbatch: --sbatch='--partition=cpu'"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--submit", nargs=argparse.REMAINDER, metavar="sbatch ...", help="submit this job as well")
    args = parser.parse_args(arguments)
    if args.submit:
        return _submit_both(args)
    try:
        for line in _watch(args, args.job):
            if not args.quiet:
                print(f"postmortem: {line}")
    except SubmissionError as error:
        print(f"postmortem: {error}", file=sys.stderr)
        return 1
    return 0


def _submit_both(args: argparse.Namespace) -> int:
    """Prints and returns what the user's own command does, whatever becomes of the diagnosis."""
    done = subprocess.run(args.submit, stdout=subprocess.PIPE, text=True)
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    ids = re.findall(r"\d+", done.stdout.partition(";")[0])  # "12", "12;cluster" or "Submitted batch job 12"
    if done.returncode == 0 and ids:
        try:
            list(_watch(args, ids[-1:]))
        except SubmissionError as error:
            print(f"postmortem: {error}", file=sys.stderr)
    return done.returncode


def _watch(args: argparse.Namespace, wanted: list[str]) -> Iterator[str]:
    """Submits a diagnosis for each of the jobs; yields what to say about it."""
    folder = os.path.abspath(args.directory)
    queue = _queue([] if args.workflow else ["-t", "all"])
    watched = {job.name[len(NAME) :] for job in queue if job.name.startswith(NAME)}
    if args.workflow:
        here = [job for job in queue if _same(job.folder, folder) and not job.name.startswith(NAME)]
        wanted = wanted + [job.id for job in here if job.id not in watched]
    for job_id in dict.fromkeys(wanted):
        number, dependency = submit(job_id, queue, folder, args.config, shlex.split(args.sbatch))
        yield f"job {number} diagnoses {job_id} ({dependency})"
    if not wanted:
        yield "no job of this project waits or runs that is not watched already"


def submit(job_id: str, queue: list[Job], folder: str, config: list[str], options: list[str]) -> tuple[str, str]:
    """Submit the diagnosis of one job; the new job's id, and what it waits for."""
    interpreter = find_interpreter()
    if interpreter is None:
        raise SubmissionError(f"there is no environment in {REPOSITORY}; make it with `make setup` there")
    known = [job for job in queue if job.id == job_id.split("_")[0]]
    # afternotok of an array is met as soon as it is clear that not all went well; afterany sees all of its tasks end.
    is_array = "_" not in job_id and any(job.is_array for job in known)
    dependency = f"{'afterany' if is_array else 'afternotok'}:{job_id}"
    command = [interpreter, "-s", COMMAND, "--directory", folder, "--job", job_id]
    for pair in config:
        command += ["--config", pair]
    os.makedirs(os.path.join(folder, LOGS), exist_ok=True)  # sbatch kills a job whose output folder is missing
    sbatch = ["sbatch", "--parsable", f"--job-name={NAME}{job_id}", f"--chdir={folder}", *RESOURCES]
    sbatch += [f"--output={os.path.join(folder, LOGS, 'dependency-%j.log')}"]
    sbatch += [f"--account={job.account}" for job in known[:1] if job.account]
    sbatch += [*options, f"--wrap=exec {' '.join(map(shlex.quote, command))}"]
    waiting = [f"--dependency={dependency}", "--kill-on-invalid-dep=yes"]
    status, said = _call([*sbatch[:1], *waiting, *sbatch[1:]])
    if status and "dependency problem" in said.lower():  # it ended so long ago that SLURM has forgotten it
        status, said = _call(sbatch)
        dependency = "it has ended"
    if status:
        raise SubmissionError(f"sbatch refuses the diagnosis of job {job_id}: {' '.join(said.split())}")
    return said.split(";")[0].strip(), dependency


def _queue(options: list[str]) -> list[Job]:
    """The user's jobs."""
    states = options or ["-t", LIVE]
    status, said = _call(["squeue", "-h", "-u", getpass.getuser(), *states, "-o", "%i|%F|%a|%Z|%j"])
    if status:
        raise SubmissionError(f"squeue: {' '.join(said.split())}")
    rows = [line.split("|", 4) for line in said.splitlines()]
    return [Job(*row) for row in rows if len(row) == 5]


def _call(command: list[str]) -> tuple[int, str]:
    """Exit status and output; with an error, what it said about it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(NOT_OURS)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except OSError as error:
        return 127, f"{command[0]} cannot be started ({error.strerror})"
    return done.returncode, done.stderr if done.returncode else done.stdout


def _same(path: str, other: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)
