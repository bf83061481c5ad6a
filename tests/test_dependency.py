"""Submitting diagnoses, and asking the controller, where no SLURM is: programs of those names stand in for it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from example_projects import call

from postmortem.discover import sacct, scontrol
from postmortem.jobs import dependency_job

SCRIPTS = Path(dependency_job.__file__).resolve().parents[2]
RUNNING_7 = (
    "JobId=7 JobName=train UserId=alice(1001) Account=ml JobState=RUNNING Reason=None Dependency=(null) ExitCode=0:0 "
    "TimeLimit=01:00:00 SubmitTime=2026-01-01T10:00:00 StartTime=2026-01-01T10:00:05 EndTime=2026-01-01T11:00:05 "
    "NodeList=node01 TRES=cpu=1,mem=200M,node=1 WorkDir=/a b/c Power="
)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with stand-ins for SLURM's commands, in front of the PATH; `sbatch.log` lists what was submitted."""
    programs = {
        "squeue": "cat $(dirname $0)/queue",
        "sbatch": 'printf "%q " "$@" >>$(dirname $0)/sbatch.log; echo >>$(dirname $0)/sbatch.log; '
        'case "$*" in *afternotok:999*) echo "sbatch: error: Job dependency problem" >&2; exit 1;; esac; echo "55;lab"',
        "sacct": "echo Slurm accounting storage is disabled >&2; exit 1",
        "scontrol": 'cat "$(dirname $0)/scontrol.$4" 2>/dev/null',
    }
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "queue").write_text("")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SBATCH_GRES", "gpu:v100:4")
    (tmp_path / "project").mkdir()
    return tmp_path


def submit(cluster: Path, *arguments: str) -> tuple[str, list[list[str]]]:
    """What the command prints, and the calls of sbatch that it makes."""
    done = call(cluster / "project", sys.executable, SCRIPTS / "submit_diagnosis.py", *arguments)
    log = cluster / "sbatch.log"
    return done.stdout, [shlex.split(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_a_diagnosis_is_small_and_waits_for_a_failure(cluster: Path) -> None:
    (cluster / "queue").write_text(f"7|7|ml|{cluster}/project|train\n")
    said, (options,) = submit(cluster, "7", "--config", "project=default", "--sbatch=--partition=cpu")
    assert "job 55 diagnoses 7 (afternotok:7)" in said
    assert {"--dependency=afternotok:7", "--kill-on-invalid-dep=yes", "--account=ml", "--partition=cpu"} <= set(options)
    assert {"--cpus-per-task=1", "--mem=1G", "--time=10"} <= set(options)
    assert not [word for word in options if "gpu" in word or "gres" in word]
    (output,) = [word.partition("=")[2] for word in options if word.startswith("--output=")]
    assert Path(output).parent.is_dir()
    assert options[-1].endswith("--job 7 --config project=default")


def test_of_an_array_all_tasks_are_waited_for(cluster: Path) -> None:
    (cluster / "queue").write_text("7_[1-3]|7|ml|/x|train\n")
    _, calls = submit(cluster, "7", "7_2")
    assert [call[0] for call in calls] == ["--dependency=afterany:7", "--dependency=afternotok:7_2"]


def test_a_workflow_is_all_jobs_of_its_folder_that_nobody_watches(cluster: Path) -> None:
    project = cluster / "project"
    rows = [
        f"7|7|ml|{project}|train",
        f"8|8|ml|{project}|uuid",
        "9|9|ml|/other|train",
        f"10|10|ml|{project}|postmortem-8",
    ]
    (cluster / "queue").write_text("\n".join(rows) + "\n")
    _, calls = submit(cluster, "--workflow")
    assert [call[0] for call in calls] == ["--dependency=afternotok:7"]


def test_a_job_that_slurm_has_forgotten_is_diagnosed_now(cluster: Path) -> None:
    said, calls = submit(cluster, "999")
    assert "it has ended" in said
    assert not [word for word in calls[-1] if word.startswith("--dependency")]


def test_a_submission_goes_on_as_it_would_without_us(cluster: Path) -> None:
    said, calls = submit(cluster, "--submit", "sbatch", "--parsable", "job.sh")
    assert said == "55;lab\n"
    assert calls[0] == ["--parsable", "job.sh"] and calls[1][0] == "--dependency=afternotok:55"
    said, calls = submit(cluster, "--submit", "bash", "-c", "echo refused; exit 3")
    assert said == "refused\n" and len(calls) == 2


def test_the_controllers_record_reads_as_that_of_sacct() -> None:
    (job,) = scontrol.parse(RUNNING_7)
    assert (job.id, job.state, job.name, job.user, job.work_dir) == ("7", "RUNNING", "train", "alice", "/a b/c")
    assert (job.requested_memory, job.end, job.reason) == ("200M", "", "")
    task = scontrol.parse(RUNNING_7.replace("JobId=7", "JobId=9 ArrayJobId=7 ArrayTaskId=2"))[0]
    part = scontrol.parse(RUNNING_7.replace("JobId=7", "JobId=8 HetJobId=7 HetJobOffset=1"))[0]
    assert (task.id, part.id) == ("7_2", "7+1")


def test_without_accounting_the_controller_is_asked(cluster: Path) -> None:
    (cluster / "scontrol.7").write_text(RUNNING_7.replace("RUNNING", "TIMEOUT") + "\n")
    accounting = sacct.live(["7"], cluster)
    assert [(job.id, job.state, job.source) for job in accounting.jobs] == [("7", "TIMEOUT", "scontrol")]
    assert "accounting storage is disabled" in accounting.problem


@pytest.mark.parametrize("late", [True, False])
def test_an_end_that_sacct_has_not_recorded_is_waited_for(
    cluster: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Then sacct's word counts, which knows more; and if it keeps silent the controller's."""
    monkeypatch.setattr(sacct, "WAIT_SECONDS", 0.1)
    (cluster / "scontrol.7").write_text(RUNNING_7.replace("RUNNING", "CANCELLED") + "\n")
    header = "JobID|JobName|State|ExitCode|WorkDir"
    row = f"echo '7|train|RUNNING|0:0|{cluster}'"
    later = f"echo '7|train|CANCELLED by 0|0:0|{cluster}'" if late else row
    (cluster / "sacct").write_text(
        f"#!/bin/bash\necho '{header}'\necho >>{cluster}/calls\n"
        f"if [ $(wc -l <{cluster}/calls) -le 2 ]; then {row}; else {later}; fi\n"
    )
    (job,) = sacct.live(["7"], cluster).jobs
    assert (job.state_text, job.source) == (("CANCELLED by 0", "sacct") if late else ("CANCELLED", "scontrol"))
