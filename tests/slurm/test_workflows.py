"""The owner starts the pipeline, and calls nobody: minutes later the diagnoses are there, whatever started the jobs."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import flows
import pytest
from example_projects import BOTH, REPOSITORY, SNAKEMAKE_7, call, causes, told
from flows import Flow, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.snakemake, pytest.mark.snakemake7, pytest.mark.slow]

FIVE_WAYS = {
    "hatch/teacher_autoencoder": {"slurm.timeout"},
    "sedan/teacher_autoencoder": {"host.oom"},
    "wagon/student_autoencoder": {"config.invalid"},
    "coupe/teacher_autoencoder": {"data.feature_mismatch", "model.shape_mismatch", "data.stale_cache"},
    "van/teacher_autoencoder": {"data.missing"},
}
RUN = "hcrl_sa/teacher_autoencoder"


@pytest.fixture(scope="module")
def started(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Flow]]:
    """All of them at once, since they wait most of the time."""
    folder = tmp_path_factory.mktemp("flows")
    # The diagnosis waits for each job from its submission on, so that no head process is needed.
    submit = f"python3 {flows.SUBMIT_DIAGNOSIS} --submit sbatch"
    with_diagnosis = flows.cluster_command().replace("sbatch", submit)
    generic = ["--executor", "cluster-generic", "--cluster-generic-submit-cmd", flows.cluster_command()]
    generic += ["--cluster-generic-status-cmd", flows.STATUS, "--keep-going"]
    long = {"options": "--max-epochs 100000"}
    running = {
        "killed": flows.stand_in(folder / "killed", long, 7, "--cluster", with_diagnosis),
        "example-9": flows.example_pipeline(folder / "example-9", 9),
        "example-7": flows.example_pipeline(folder / "example-7", 7),
        "slurm-7": flows.stand_in(folder / "slurm-7", flows.THREE, 7, "--slurm", "--keep-going"),
        "generic-9": flows.stand_in(folder / "generic-9", flows.THREE, 9, *generic),
    }
    yield running
    for flow in running.values():
        if flow.process.poll() is None:
            flow.process.kill()
            flow.process.wait()
    flows.cancel_all(folder)


def test_the_head_process_may_be_killed(started: dict[str, Flow]) -> None:
    flow = started["killed"]
    out = flow.folder / "experimentruns" / RUN / "slurm.out"
    wait_for(lambda: out.exists() and "Epoch 1:" in out.read_text(), 90, "the training")
    flow.process.send_signal(signal.SIGKILL)
    flow.process.wait()
    (job,) = [path.name.split("-")[0] for path in (flow.folder / "slurm_logs").glob("*.err")]
    assert flows.state(job) == "RUNNING"
    call(flow.folder, "scancel", job)
    wait_for(lambda: RUN in causes(flow.folder), 60, "the diagnosis")
    assert causes(flow.folder) == {RUN: "slurm.cancelled"}
    assert not told(flow.console)
    sentinel = json.loads((flow.folder / "experimentruns" / RUN / ".failed").read_text())
    assert (sentinel["slurm_job_id"], sentinel["source"]) == (job, "sacct")


@pytest.mark.parametrize("name", ["example-7", "example-9"])
def test_the_example_pipeline_fails_in_five_ways(started: dict[str, Flow], name: str) -> None:
    flow = started[name]
    assert flow.process.wait(timeout=300) == 1
    found = causes(flow.folder)
    assert found.keys() == FIVE_WAYS.keys(), flow.console
    assert {run: cause for run, cause in found.items() if cause not in FIVE_WAYS[run]} == {}
    assert len(told(flow.console)) == 5
    failed = min((flow.folder / "experimentruns" / run / ".failed").stat().st_mtime for run in found)
    summarised = (flow.folder / "experimentruns" / "diagnoses.tsv").stat().st_mtime
    assert summarised - failed < failed - flow.began, "the diagnoses take less than the pipeline did until then"
    for run in found:
        sentinel = json.loads((flow.folder / "experimentruns" / run / ".failed").read_text())
        assert sentinel["slurm_job_id"].isdigit() and sentinel["source"] == "onerror"


@pytest.mark.parametrize("name", ["slurm-7", "generic-9"])
def test_other_executors_tell_the_same(started: dict[str, Flow], name: str) -> None:
    flow = started[name]
    assert flow.process.wait(timeout=300) == 1
    expected = {"set_02/teacher_autoencoder": "host.oom", "set_03/teacher_autoencoder": "config.invalid"}
    assert causes(flow.folder) == expected, flow.console
    assert len(told(flow.console)) == 2


@BOTH
def test_batches_of_diagnoses_are_slurm_jobs(started: dict[str, Flow], snakemake: Path) -> None:
    flow = started["slurm-7" if snakemake == SNAKEMAKE_7 else "generic-9"]
    flow.process.wait(timeout=300)
    before = causes(flow.folder)
    for path in flow.folder.rglob("diagnos*.*"):
        path.unlink()
    command = [snakemake, "diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", flow.folder]
    profile = ["--profile", REPOSITORY / "profiles" / "slurm", "--config", "runs_per_job=1"]
    done = call(flow.folder, *command, *profile, timeout=200, USER="root")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("SLURM jobid") + done.stdout.count("external jobid") == 2, done.stdout
    assert causes(flow.folder) == before
