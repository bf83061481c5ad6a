"""Sentinels name the right runs, whoever writes them: from the logs of really failed workflows, and from a trap."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from postmortem.discover import sentinel
from postmortem.discover.sentinel import SENTINEL
from postmortem.facts import SlurmJob
from postmortem.project.project import Project, from_config

REPOSITORY = Path(__file__).resolve().parents[1]
TRAP = REPOSITORY / "workflow" / "scripts" / "postmortem_trap.sh"
PROVOKED = Path(__file__).parent / "provoked_slurm"
# Their logs do not tell of the failure: the head process was killed, or still waits for the job.
SILENT = {"smk7-head-killed", "smk9-scancel-owner", "smk9-preempted"}
FLOWS = sorted({path.parent.name for path in PROVOKED.glob("smk*/label.yaml")} - SILENT)


def project_of(name: str, tmp_path: Path) -> Project:
    root = shutil.copytree(PROVOKED / name / "root", tmp_path / "root")
    return from_config({"sacct": "off"}, root)


def read(directory: Path) -> dict[str, Any]:
    return json.loads((directory / SENTINEL).read_text())


@pytest.mark.parametrize("name", FLOWS)
def test_a_workflow_log_names_the_runs_that_failed(name: str, tmp_path: Path) -> None:
    label = yaml.safe_load((PROVOKED / name / "label.yaml").read_text())
    project = project_of(name, tmp_path)
    for log in sorted((project.root / ".snakemake" / "log").glob("*.log"))[-1:]:
        sentinel.write_from_log(project, log)
    written = {path.parent.relative_to(project.experiment_root).as_posix() for path in project.root.rglob(SENTINEL)}
    on_disk = {entry["run"] for entry in label["failed_runs"] if (project.experiment_root / entry["run"]).is_dir()}
    assert written == on_disk


def test_a_sentinel_says_which_attempt_of_which_job_failed(tmp_path: Path) -> None:
    project = project_of("smk7-retries-used-up", tmp_path)
    (log,) = (project.root / ".snakemake" / "log").glob("*.log")
    (run_id,) = sentinel.write_from_log(project, log)
    found = read(project.experiment_root / run_id)
    ids = sorted(path.name.split("-")[0] for path in (project.root / "slurm_logs").glob("*.err"))
    assert found["attempt"] == 2
    assert found["slurm_job_id"] == ids[-1]
    assert (found["rule"], found["source"]) == ("autoencoder", "onerror")
    assert found["wildcards"] == {"ds": "hcrl_sa", "size": "teacher"}
    assert f"experimentruns/{run_id}/slurm.err" in found["logs"]


def test_the_command_that_failed_names_its_run_where_the_log_is_quiet(tmp_path: Path) -> None:
    project = from_config({"sacct": "off"}, tmp_path)
    for run in ("a/used", "a/broken", "a/killed"):
        (project.experiment_root / run).mkdir(parents=True)
    log = tmp_path / "quiet.log"
    log.write_text(
        'RuleException:\nCalledProcessError in file "Snakefile", line 9:\nCommand \'set -euo pipefail;  \n'
        "  train experimentruns/a/used/best_model.pt >experimentruns/a/broken/slurm.out 2>>"
        "experimentruns/a/broken/slurm.err\n"
        "' returned non-zero exit status 3.\n"
        "Command 'set -e; train > experimentruns/a/killed/slurm.out' died with <Signals.SIGKILL: 9>.\n"
    )
    assert sentinel.write_from_log(project, log) == ["a/broken", "a/killed"]
    assert read(project.experiment_root / "a/broken")["exit_code"] == 3
    assert read(project.experiment_root / "a/killed")["exit_code"] == 137


def test_a_run_without_a_folder_gets_none(tmp_path: Path) -> None:
    project = project_of("smk7-three-ways", tmp_path)
    (log,) = (project.root / ".snakemake" / "log").glob("*.log")
    shutil.rmtree(project.experiment_root / "set_01")
    assert "set_01/teacher_autoencoder" in sentinel.write_from_log(project, log)
    assert not (project.experiment_root / "set_01").exists()


def test_writers_of_the_same_job_add_to_each_other(tmp_path: Path) -> None:
    sentinel.write(tmp_path, {"slurm_job_id": "7", "exit_code": 3, "source": "trap"})
    sentinel.write(tmp_path, {"slurm_job_id": "7", "rule": "train", "exit_code": None, "source": "onerror"})
    assert read(tmp_path) == {"slurm_job_id": "7", "exit_code": 3, "rule": "train", "source": "onerror"}
    sentinel.write(tmp_path, {"slurm_job_id": "8", "source": "onerror"})
    assert read(tmp_path) == {"slurm_job_id": "8", "source": "onerror"}


def test_a_reader_never_sees_half_a_sentinel(tmp_path: Path) -> None:
    (tmp_path / SENTINEL).write_text("{}")
    stop = threading.Event()

    def keep_writing(number: int) -> None:
        while not stop.is_set():
            sentinel.write(tmp_path, {"slurm_job_id": str(number), "reason": "x" * 5000})

    writers = [threading.Thread(target=keep_writing, args=(number,)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    try:
        seen = [read(tmp_path) for _ in range(300)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert {found.get("slurm_job_id") for found in seen} & {"1", "2"}
    assert [path.name for path in tmp_path.iterdir()] == [SENTINEL]


@pytest.mark.parametrize(("exit_code", "expected"), [("1:0", 1), ("0:9", 137), ("0:125", 253), ("", None)])
def test_the_exit_code_of_a_slurm_job_is_that_of_a_shell(exit_code: str, expected: int | None) -> None:
    content = sentinel.of_slurm(SlurmJob("5", state="FAILED", state_text="FAILED", exit_code=exit_code))
    assert content["exit_code"] == expected


# --- the trap


def script(tmp_path: Path, body: str) -> list[str]:
    """A batch script with the trap; its command."""
    (tmp_path / "run").mkdir(exist_ok=True)
    path = tmp_path / "job.sh"
    path.write_text(f'run={tmp_path}/run\n. {TRAP} "$run"\n{body}\n')
    return ["bash", str(path)]


def test_a_trap_leaves_a_sentinel_and_keeps_the_exit_status(tmp_path: Path) -> None:
    slurm = {"SLURM_JOB_ID": "71", "SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": "4", "SLURM_RESTART_COUNT": "2"}
    done = subprocess.run(script(tmp_path, "python3 -c 'raise SystemExit(9)'"), env=os.environ | slurm)
    assert done.returncode == 9
    found = read(tmp_path / "run")
    assert found.pop("time")[:2] == "20"
    assert found == {"slurm_job_id": "70_4", "attempt": 3, "exit_code": 9, "source": "trap", "reason": ""}


def test_a_good_end_removes_the_sentinel(tmp_path: Path) -> None:
    command = script(tmp_path, "true")
    (tmp_path / "run" / SENTINEL).touch()
    assert subprocess.run(command).returncode == 0
    assert not (tmp_path / "run" / SENTINEL).exists()


def test_a_trap_sees_the_signal_of_a_time_limit(tmp_path: Path) -> None:
    process = subprocess.Popen(script(tmp_path, "echo here; sleep 30"), stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None and process.stdout.readline()
    time.sleep(0.2)  # until sleep runs
    os.killpg(process.pid, signal.SIGTERM)  # SLURM signals all processes of the job
    assert process.wait(timeout=10) == 143
    assert read(tmp_path / "run")["exit_code"] == 143
    assert "SIGTERM" in read(tmp_path / "run")["reason"]
    process.stdout.close()


def test_a_trap_in_a_run_without_a_folder_keeps_silent(tmp_path: Path) -> None:
    command = script(tmp_path, "rmdir $run; exit 4")
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (4, "")
