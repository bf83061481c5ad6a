"""Projects in which no run has failed, whatever their histories say."""

import subprocess

from cases import case
from cases_nodes import SPARE, again, node_back, node_down_now, take_gpus
from cases_sbatch import LONG, RUN
from cases_snakemake import HUNGRY, SMK7, SMK9
from lab import Project, run_id


@case("healthy-smk7")
def all_good(project: Project) -> dict:
    """two stages for two datasets, all succeeded"""
    config = {"datasets": "hcrl_ch,hcrl_sa", "stages": "autoencoder,curriculum"}
    process = project.snakemake(7, config, keep_console=False)
    assert process.returncode == 0
    runs = [run_id(ds, stage) for ds in ("hcrl_ch", "hcrl_sa") for stage in ("autoencoder", "curriculum")]
    return {"how": SMK7, "ok_runs": runs}


@case("healthy-smk7-second-try")
def second_try(project: Project) -> dict:
    """killed for memory, then run again with more: succeeded"""
    first = project.snakemake(7, {"mem_mb": 400, "options": HUNGRY}, keep_console=False)
    second = project.snakemake(7, {"mem_mb": 2000}, keep_console=False)
    assert first.returncode and not second.returncode
    return {"how": SMK7, "ok_runs": [RUN]}


@case("healthy-smk9-retry")
def retry(project: Project) -> dict:
    """--retries 1: the first attempt fails, the second succeeds"""
    project.edit("train.py", "    graphs = load_graphs(config)\n", "    if logs.name == 'version_0':\n"
                 "        raise OSError(116, 'Stale file handle')\n    graphs = load_graphs(config)\n")  # fmt: skip
    process = project.snakemake(9, {}, "--retries", "1")
    assert process.returncode == 0
    return {"how": SMK9, "ok_runs": [RUN]}


@case("healthy-still-running")
def still_running(project: Project) -> dict:
    """one job is running, one waits for its turn, one for the first"""
    other = run_id("hcrl_ch", "autoencoder")
    first = project.train_job(train=LONG)
    project.train_job("--begin=now+2hours", ds="hcrl_ch", to_run=False)
    project.train_job(f"--dependency=afterok:{first}", stage="curriculum", to_run=False)
    project.wait_epoch()
    return {"ok_runs": [RUN, other, run_id("hcrl_sa", "curriculum")]}


@case("healthy-requeue-running")
def requeue_running(project: Project) -> dict:
    """requeued by the administrator, running again (until then sacct -D lists REQUEUED only)"""
    job = project.train_job(train=LONG, to_run=False)
    project.wait_epoch()
    subprocess.run(["scontrol", "requeue", job], check=True)
    project.wait_state(job, "PENDING")
    again(job)
    project.wait(lambda: "RUNNING" in project.sacct("-X", "-j", job, "-o", "State"), 60, "the second start")
    project.wait_epoch()
    return {"ok_runs": [RUN]}


@case("healthy-requeued", node02=True)
def requeued(project: Project) -> dict:
    """preempted and requeued, then succeeded"""
    job = project.train_job("--partition=scavenge", "--requeue", "--gres=gpu:v100:4", train="--max-epochs 20")
    project.wait_epoch()
    other = take_gpus(project)
    project.wait_state(job, "PENDING")
    subprocess.run(["scancel", other], check=True)
    again(job)
    project.wait_state(job, "COMPLETED")
    return {"ok_runs": [RUN]}


@case("healthy-node-back", node02=True)
def node_back_again(project: Project) -> dict:
    """the node went down, SLURM requeued the job by itself, it succeeded"""
    job = project.train_job(SPARE, "--requeue", train="--max-epochs 20", to_run=False)
    project.wait_epoch()
    node_down_now()
    project.wait_state(job, "PENDING")
    node_back()
    again(job)
    project.wait_state(job, "COMPLETED")
    return {"ok_runs": [RUN]}
