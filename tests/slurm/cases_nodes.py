"""What only an administrator or a node does to a job: all on node02, one case after the other."""

import os
import subprocess
import time
from pathlib import Path

from cases import case
from cases_sbatch import LONG, RUN, ended, one
from lab import Project, failed, run_id

SPARE = "--partition=spare"
RESUBMIT = "Submit it again; report the node"


def scontrol(*words: str) -> None:
    subprocess.run(["scontrol", *words], check=True)


def node_down_now() -> None:
    scontrol("update", "nodename=node02", "state=down", "reason=cooling failure")


def node_back() -> None:
    """slurmd often brings the node back by itself (ReturnToService=2); then resume is refused."""
    subprocess.run(["scontrol", "update", "nodename=node02", "state=resume"], check=False, capture_output=True)
    up = lambda: subprocess.run(["sinfo", "-hn", "node02", "-o", "%T"], capture_output=True, text=True).stdout  # noqa: E731
    for _ in range(60):
        if set(up().split()) == {"idle"}:
            return
        time.sleep(1)
    raise TimeoutError("node02 did not come back")


@case("sbatch-oom-polled", restarts=True)
def oom_polled(project: Project) -> dict:
    """a cluster without memory cgroups: slurmd polls and kills, once the batch script, once an srun step"""
    other = run_id("hcrl_ch", "autoencoder")
    cluster("stop")
    cluster("start", SLURM_LAB_MEMORY="poll")
    try:
        hungry = f"{LONG} --cached-graphs 20000"
        jobs = [project.train_job("--mem=200", train=hungry)]
        jobs += [project.train_job("--mem=200", train=hungry, ds="hcrl_ch", prefix="srun ", to_run=False)]
        for job in jobs:
            project.wait_state(job)
        project.table = project.settled_table()
    finally:
        cluster("stop")
        cluster("start")
    return {"failed_runs": [failed(run, "host.oom", "exceeded memory limit", "More --mem") for run in (RUN, other)]}


def cluster(word: str, **environment: str) -> None:
    script = Path(__file__).with_name("cluster.sh")
    subprocess.run([script, word], check=True, env=os.environ | environment, stdout=subprocess.DEVNULL)


@case("sbatch-node-down", node02=True)
def node_down(project: Project) -> dict:
    """the node is set down under a job that may not be requeued"""
    job = project.train_job(SPARE, "--no-requeue", train=LONG, to_run=False)
    project.wait_epoch()
    node_down_now()
    project.wait_state(job)
    node_back()
    return ended(project, job, one("host.node_failure", "NODE_FAIL", RESUBMIT), "NODE_FAIL")


@case("sbatch-node-reboot", node02=True)
def node_reboot(project: Project) -> dict:
    """slurmd, slurmstepd and the job die at once, slurmd comes back and reports a reboot"""
    job = project.train_job(SPARE, "--no-requeue", train=LONG)
    project.wait_epoch()
    processes = project.processes(job, "node02")
    listed = ["ps", "-o", "ppid=", "-p", ",".join(processes)]
    parents = subprocess.run(listed, capture_output=True, text=True).stdout.split()
    daemon = Path("/run/slurm/slurmd-node02.pid").read_text().strip()
    subprocess.run(["kill", "-KILL", *{daemon, *parents, *processes} - {"1"}], check=True)  # a parent is the slurmstepd
    time.sleep(30)  # a batch job is missed only when it has been there for 20 s or so (BatchStartTimeout)
    subprocess.run(["setsid", "slurmd", "-N", "node02", "-b"], check=True)
    project.wait_state(job, seconds=120)
    node_back()
    return ended(project, job, one("host.node_failure", "NODE_FAIL", RESUBMIT), "NODE_FAIL")


@case("sbatch-requeuehold", node02=True)
def requeuehold(project: Project) -> dict:
    """requeued and held by the administrator in mid training: pending, never restarted"""
    job = project.train_job(SPARE, train=LONG)
    project.wait_epoch()
    scontrol("requeuehold", job)
    project.wait(lambda: "JobHeldUser" in project.sacct("-j", job, "-o", "Reason"), 60, "the held record")
    label = one("slurm.preempted", "DUE TO JOB REQUEUE", "scontrol release it, or submit it again", "slurm.cancelled")
    return label


@case("sbatch-preempt-cancel", node02=True)
def preempt_cancel(project: Project) -> dict:
    """a job of partition urgent takes all GPUs: the one of partition spot is cancelled"""
    job = project.train_job("--partition=spot", "--gres=gpu:v100:4", train=LONG)
    project.wait_epoch()
    take_gpus(project)
    label = one("slurm.preempted", "DUE TO PREEMPTION", "Submit it again, or to a partition that is not preempted")
    return ended(project, job, label, "PREEMPTED")


@case("sbatch-preempt-no-requeue", node02=True)
def preempt_no_requeue(project: Project) -> dict:
    """partition scavenge requeues its victims, but this job forbids it"""
    job = project.train_job("--partition=scavenge", "--no-requeue", "--gres=gpu:v100:4", train=LONG, to_run=False)
    project.wait_epoch()
    take_gpus(project)
    label = one("slurm.preempted", "DUE TO PREEMPTION", "Submit it again, with --requeue and checkpoints")
    return ended(project, job, label, "PREEMPTED")


@case("sbatch-requeued-then-failed", node02=True)
def requeued_then_failed(project: Project) -> dict:
    """preempted, requeued, started again, and then an exception of its own: only the last attempt counts"""
    start = "    logs.mkdir(parents=True)\n"
    message = "Error(s) in loading state_dict for Autoencoder: Missing key(s) in state_dict: decoder.bias"
    project.edit(
        "train.py", start, f"{start}    if logs.name != 'version_0':\n        raise RuntimeError('{message}')\n"
    )
    job = project.train_job("--partition=scavenge", "--requeue", "--gres=gpu:v100:4", train=LONG, to_run=False)
    project.wait_epoch()
    other = take_gpus(project)
    project.wait_state(job, "PENDING")
    subprocess.run(["scancel", other], check=True)
    again(job)
    label = one("model.state_dict_mismatch", "Missing key(s) in state_dict", "Load with the code that saved it")
    return ended(project, job, label, "FAILED")


def take_gpus(project: Project) -> str:
    """Somebody else's urgent job; it is no job of the project."""
    command = ["sbatch", "--parsable", "--partition=urgent", "--gres=gpu:v100:4", "--time=1", "--output=/dev/null"]
    done = subprocess.run([*command, "--chdir=/tmp", "--wrap=sleep 8"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def again(job: str) -> None:
    """A requeued job waits two minutes by default; start it now."""
    time.sleep(2)
    scontrol("update", f"jobid={job}", "StartTime=now")
