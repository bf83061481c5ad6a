"""Pipelines under the real SLURM whose owner calls nothing but the pipeline: started side by side, then waited for."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import run_demo
import yaml
from example_projects import REPOSITORY, SNAKEMAKE_7, SNAKEMAKE_9, environment

HERE = Path(__file__).resolve().parent
PAYLOAD = HERE / "payload"
FIVE_WAYS = HERE / "five_ways.yaml"
STATUS = PAYLOAD / "slurm_profile" / "status.sh"
ACCOUNT = "ml"
SUBMIT_DIAGNOSIS = REPOSITORY / "workflow" / "scripts" / "submit_diagnosis.py"
ONERROR = f"""
import sys


onerror:
    sys.path.insert(0, {str(REPOSITORY / "workflow" / "scripts")!r})
    from postmortem.hooks import on_error

    on_error(log)
"""
# Of the stand-in pipeline: one killed for memory, one that refuses an argument, one that is well.
THREE = {
    "datasets": "hcrl_ch,set_02,set_03",
    "mem_mb": 400,
    "options@set_02": "--max-epochs 100000 --cached-graphs 6000",
    "options@set_03": "--hidden-dim sixty",
}


@dataclass
class Flow:
    """A pipeline's head process; its console lies beside its folder."""

    folder: Path
    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.time)

    @property
    def console(self) -> str:
        return self.folder.with_suffix(".console").read_text()


def start(folder: Path, *command: object) -> Flow:
    """Start a head process as its owner would. Snakemake 7 wants to know who that is."""
    with folder.with_suffix(".console").open("wb") as console:
        words = [str(word) for word in command]
        process = subprocess.Popen(
            words, cwd=folder, env=environment(USER="root"), stdout=console, stderr=subprocess.STDOUT
        )
    return Flow(folder, process)


def cluster_command() -> str:
    """How a profile like the target's submits a job."""
    return yaml.safe_load((PAYLOAD / "slurm_profile" / "config.yaml").read_text())["cluster"]


def example_pipeline(folder: Path, version: int) -> Flow:
    """The example pipeline with five failures, under 7 with a `--cluster` profile or 9 with the slurm executor."""
    run_demo.fresh_copy(folder)
    run_demo.make_data(folder, yaml.safe_load(FIVE_WAYS.read_text()))
    common = ["--jobs", 10, "--keep-going", "--latency-wait", 5, "--configfile", FIVE_WAYS]
    common += ["--default-resources", f"slurm_account='{ACCOUNT}'", "slurm_partition='gpu'", "cpus_per_task=1"]
    config = ["--config", f"postmortem={REPOSITORY}", f"python={REPOSITORY}/.venv/bin/python"]
    if version == 7:
        cluster = cluster_command().replace("{resources.time_min}", "{resources.runtime}")
        executor = ["gres='gpu:v100:1'", "--cluster", cluster, "--cluster-status", STATUS]
        return start(folder, SNAKEMAKE_7, *common, *executor, *config)
    executor = ["--executor", "slurm", "--slurm-init-seconds-before-status-checks", 5]
    return start(folder, SNAKEMAKE_9, *common, *executor, *config)


def stand_in(folder: Path, config: dict[str, object], version: int, *options: object) -> Flow:
    """The stand-in pipeline of the fixtures, with our handler."""
    folder.mkdir()
    for name in ("train.py", "state_dict.pt", "Snakefile"):
        shutil.copy(PAYLOAD / name, folder)
    shutil.copytree(PAYLOAD / "slurm_profile", folder / "profiles" / "slurm")
    with (folder / "Snakefile").open("a") as snakefile:
        snakefile.write(ONERROR)
    (folder / "case.json").write_text(json.dumps(config))
    snakemake = {7: SNAKEMAKE_7, 9: SNAKEMAKE_9}[version]
    return start(folder, snakemake, "--configfile", "case.json", "--jobs", 10, "--latency-wait", 3, *options)


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Until it holds; or the test fails, saying what did not come."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {seconds:g} s")
        time.sleep(0.5)


def state(job: str) -> str:
    """What the controller says of a job."""
    done = subprocess.run(["scontrol", "-o", "show", "job", job], capture_output=True, text=True)
    return next((word.partition("=")[2] for word in done.stdout.split() if word.startswith("JobState=")), "")


def cancel_all(folder: Path) -> None:
    """Jobs that were submitted below that folder, diagnoses included."""
    said = subprocess.run(["squeue", "-h", "-o", "%A|%Z"], capture_output=True, text=True).stdout
    rows = [line.partition("|") for line in said.splitlines()]
    left = [job for job, _, where in rows if Path(where).is_relative_to(folder)]
    if left:
        subprocess.run(["scancel", *left], check=False)
