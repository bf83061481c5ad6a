"""How SLURM ends jobs that nobody watches: the trap, live accounting and the logs together name it."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import flows
import pytest
from example_projects import REPOSITORY, call, causes, told
from flows import state, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

SCRIPTS = REPOSITORY / "workflow" / "scripts"
WAIT = "python3 -c 'import time; print(\"epoch 0 loss 0.5\", flush=True); time.sleep(900)'"
ENDED = {"COMPLETED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "CANCELLED", "NODE_FAIL", "PREEMPTED"}
EXPECTED = {
    "ends/cancelled": "slurm.cancelled",
    "ends/no_folder": "slurm.output_unwritable",
    "ends/never": "slurm.dependency",
    "ends/requeued": "code.bug",
    "ends/node_down": "host.node_failure",
    "ends/preempted": "slurm.preempted",
    "ends/torchrun": "code.bug",
}


class Batch:
    """A project whose jobs are plain batch scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[str, str] = {}
        (folder / "slurm_logs").mkdir()

    def submit(self, name: str, body: str, *options: str, output: str = "") -> str:
        """A job of the run ends/<name>, with our trap; its id."""
        (self.folder / "experimentruns" / "ends" / name).mkdir(parents=True)
        script = self.folder / f"{name}.sh"
        run = f"experimentruns/ends/{name}"
        script.write_text(
            f'#!/bin/bash\nrun={run}\n. {SCRIPTS}/postmortem_trap.sh "$run"\n{body} >$run/slurm.out 2>$run/slurm.err\n'
        )
        stream = output or f"slurm_logs/%j-ends-{name}.out"
        command = ["sbatch", "--parsable", f"--account={flows.ACCOUNT}", f"--job-name=ends-{name}", "--mem=500"]
        done = call(self.folder, *command, "--time=10", f"--output={stream}", *options, script.name)
        assert done.returncode == 0, done.stdout
        self.jobs[name] = done.stdout.strip()
        return self.jobs[name]

    def runs(self, *names: str) -> bool:
        return all(state(self.jobs[name]) == "RUNNING" for name in names)

    def prints(self, *names: str) -> bool:
        out = [self.folder / "experimentruns" / "ends" / name / "slurm.out" for name in names]
        return all(path.exists() and path.stat().st_size for path in out)


def control(*words: str) -> None:
    subprocess.run(["scontrol", *words], check=True)


def on_the_second_node(batch: Batch) -> None:
    """Disturbs all jobs there, so nobody else's test may use it meanwhile."""
    with open("/run/lock/slurm-lab-node02", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        batch.submit("preempted", WAIT, "--partition=spot", "--gres=gpu:v100:4")
        wait_for(lambda: batch.prints("preempted"), 60, "the job to be preempted")
        urgent = ["sbatch", "--parsable", f"--account={flows.ACCOUNT}", "--partition=urgent", "--gres=gpu:v100:4"]
        rival = call(batch.folder, *urgent, "--output=/dev/null", "--wrap=sleep 60").stdout.strip()
        wait_for(lambda: state(batch.jobs["preempted"]) == "PREEMPTED", 60, "the preemption")
        subprocess.run(["scancel", rival], check=True)
        batch.submit("node_down", WAIT, "--partition=spare", "--no-requeue")
        wait_for(lambda: batch.prints("node_down"), 60, "the job on the second node")
        try:
            control("update", "nodename=node02", "state=down", "reason=test")
            wait_for(lambda: state(batch.jobs["node_down"]) == "NODE_FAIL", 60, "the end of its job")
        finally:
            # Refused where the node has come back by itself (ReturnToService=2).
            subprocess.run(["scontrol", "update", "nodename=node02", "state=resume"], check=False, capture_output=True)


@pytest.fixture(scope="module")
def batch(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """All ends in one project."""
    made = Batch(tmp_path_factory.mktemp("ends"))
    again = f'[ "${{SLURM_RESTART_COUNT:-0}}" = 0 ] && {WAIT} || python3 -c "{{}}[\'weight\']"'
    (made.folder / "ranks.py").write_text("import os\nprint({'0': 1}[os.environ['RANK']])\n")
    ranks = f"{Path(sys.executable).parent}/python -m torch.distributed.run --standalone --nproc-per-node=2 ranks.py"
    made.submit("cancelled", WAIT)
    made.submit("no_folder", "true", output="nowhere/%j.out")
    made.submit("requeued", f"( {again} )", "--requeue")
    made.submit("torchrun", ranks, "--mem=3000")
    wait_for(lambda: made.prints("cancelled", "requeued"), 90, "the first jobs")
    made.submit("never", "true", f"--dependency=afterok:{made.jobs['no_folder']}")
    watch = call(made.folder, "python3", SCRIPTS / "submit_diagnosis.py", "--workflow", "--config", "project=default")
    assert f"diagnoses {made.jobs['cancelled']}" in watch.stdout, watch.stdout
    control("requeue", made.jobs["requeued"])
    subprocess.run(["scancel", made.jobs["cancelled"]], check=True)
    try:
        on_the_second_node(made)
        wait_for(lambda: state(made.jobs["requeued"]) == "PENDING", 60, "the requeued job in the queue")
        control("update", f"jobid={made.jobs['requeued']}", "StartTime=now")
        ended = [job for name, job in made.jobs.items() if name != "never"]
        wait_for(lambda: all(state(job) in ENDED for job in ended), 120, "the ends")
        yield made
    finally:
        flows.cancel_all(made.folder)


def test_every_end_is_named(batch: Batch) -> None:
    """What no dependency job has diagnosed is diagnosed by hand, from what sacct and the logs say by now."""
    command = ["python", SCRIPTS / "diagnose_now.py", "--config", "project=default"]
    command[0] = sys.executable
    done = call(batch.folder, *command)
    assert done.returncode == 0
    assert causes(batch.folder) == EXPECTED, done.stdout


def test_a_job_of_a_watched_workflow_was_diagnosed_by_itself(batch: Batch) -> None:
    (log,) = [
        path
        for path in (batch.folder / ".snakemake" / "postmortem").glob("dependency-*.log")
        if "ends/cancelled" in path.read_text()
    ]
    assert "slurm.cancelled" in told(log.read_text())[0]


def test_the_trap_saw_the_signal_and_the_attempt(batch: Batch) -> None:
    runs = batch.folder / "experimentruns" / "ends"
    cancelled = json.loads((runs / "cancelled" / ".failed").read_text())
    requeued = json.loads((runs / "requeued" / ".failed").read_text())
    assert (cancelled["exit_code"], cancelled["slurm_job_id"]) == (143, batch.jobs["cancelled"])
    assert (requeued["attempt"], requeued["exit_code"]) == (2, 1)


def test_no_diagnosis_stays_in_the_queue(batch: Batch) -> None:
    def waiting() -> list[str]:
        done = subprocess.run(["squeue", "-h", "-o", "%j|%Z"], capture_output=True, text=True)
        return [
            line for line in done.stdout.splitlines() if line.startswith("postmortem-") and str(batch.folder) in line
        ]

    never = f"postmortem-{batch.jobs['never']}|{batch.folder}"  # its job still waits, so it does
    wait_for(lambda: set(waiting()) <= {never}, 60, "the end of the diagnosis jobs")
