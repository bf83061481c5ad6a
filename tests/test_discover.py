"""Discovery: which runs failed, from little projects made here, and from the really provoked ones."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from postmortem.discover import discovery, log_ending
from postmortem.discover.discovery import Discovery, RunState
from postmortem.errors import ConfigError
from postmortem.project import project

PROVOKED = Path(__file__).parent / "provoked_slurm"
RUN = "set_01/teacher_autoencoder"
CRASH = (
    'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n    main()\nValueError: no graphs\n'
)
SACCT = "JobID|JobName|State|ExitCode|Reason|Submit|Start|End|Elapsed\n"


class Made:
    """A project being made: one method per thing that a pipeline leaves behind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config: dict[str, Any] = {"sacct": "off"}
        self.run().mkdir(parents=True)

    def run(self, run_id: str = RUN) -> Path:
        return self.root / "experimentruns" / run_id

    def stderr(self, text: str, run_id: str = RUN) -> None:
        self.run(run_id).mkdir(parents=True, exist_ok=True)
        (self.run(run_id) / "slurm.err").write_text(text)

    def started(self, day: str = "01", end: str = "INFO training\n", run_id: str = RUN) -> None:
        self.stderr(f"2026-03-{day} 10:00:00,000 INFO start\n2026-03-{day} 11:00:00,000 {end}", run_id)

    def artefact(self, run_id: str = RUN, content: str = "weights") -> Path:
        path = self.run(run_id) / "best_model.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def sentinel(self, content: str = "", run_id: str = RUN) -> Path:
        path = self.run(run_id) / ".failed"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def sacct(self, *rows: str) -> None:
        (self.root / "sacct.txt").write_text(SACCT + "\n".join(rows) + "\n")
        self.config["sacct"] = "sacct.txt"

    def database(self, status: str, started: str, ended: str | None) -> Path:
        path = self.root / "data" / "project.db"
        path.parent.mkdir(exist_ok=True)
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE runs (run_id TEXT, status TEXT, started_at TEXT, completed_at TEXT)")
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (RUN, status, started, ended))
        connection.close()
        return path

    def snakemake(self, name: str, text: str) -> None:
        folder = self.root / ".snakemake" / "log"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.snakemake.log").write_text("Building DAG of jobs...\n" + text)

    def discover(self) -> Discovery:
        return discovery.discover(project.from_config(self.config, self.root))

    def found(self, run_id: str = RUN) -> RunState:
        state = self.discover().state_of(run_id)
        assert state is not None
        return state


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def job(day: str, ends: str, job_id: str = "58", run_id: str = RUN) -> str:
    """What a Snakemake log says of a job of that day. ends: "finished", "failed" or "" for not at all."""
    begin = (
        f"[Sun Mar {day} 10:00:00 2026]\nrule train:\n    output: experimentruns/{run_id}/best_model.pt\n"
        f"    log: experimentruns/{run_id}/slurm.err\n    jobid: 1\n    wildcards: ds=set_01\n\n"
        f"Submitted job 1 with external jobid '{job_id}'.\n"
    )
    end = {
        "finished": "Finished job 1.\n1 of 1 steps (100%) done\n",
        "failed": f"Error in rule train:\n    jobid: 1\n    cluster_jobid: {job_id}\n",
    }
    return begin + (f"[Sun Mar {day} 11:00:00 2026]\n{end[ends]}" if ends else "")


def row(state: str, day: str = "01", job_id: str = "58", end: str = "11:00:00", reason: str = "None") -> str:
    name = "smk-vgae_teacher-ds=set_01"
    times = f"2026-03-{day}T09:59:00|2026-03-{day}T10:00:00|{f'2026-03-{day}T{end}' if end else 'Unknown'}"
    return f"{job_id}|{name}|{state}|0:0|{reason}|{times}|01:00:00"


# --- sentinels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"rule": "train", "exit_code": 1}'])
def test_a_sentinel_is_one_whatever_it_holds(made: Made, content: str) -> None:
    made.sentinel(content)
    assert made.found().state == "failed"


def test_what_a_sentinel_says_is_kept(made: Made) -> None:
    made.sentinel(json.dumps({"rule": "train", "slurm_job_id": "77", "reason": "trap"}))
    found = made.found()
    assert found.sentinel["rule"] == "train" and found.job_ids == ["77"] and "rule train" in found.reasons[0]


def test_an_artefact_younger_than_the_sentinel_outdates_it(made: Made) -> None:
    sentinel = made.sentinel()
    artefact = made.artefact()
    os.utime(sentinel, (1_000_000, 1_000_000))
    assert made.found().state == "complete"
    os.utime(artefact, (1_000_001, 1_000_001))  # as good as equal: a copy, or a checkout
    assert made.found().state == "failed"


def test_a_success_after_the_sentinel_s_time_outdates_it(made: Made) -> None:
    made.sentinel(json.dumps({"time": "2026-03-01T11:00:00"}))
    made.artefact()
    made.snakemake("2026-03-02T0", job("02", "finished"))
    assert made.found().state == "complete"


def test_a_success_before_the_sentinel_s_time_does_not(made: Made) -> None:
    made.sentinel(json.dumps({"time": "2026-03-03T11:00:00"}))
    os.utime(made.artefact(), (1_000_000, 1_000_000))
    made.snakemake("2026-03-02T0", job("02", "finished"))
    assert made.found().state == "failed"


# --- schedulers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    ["FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "CANCELLED by 1001", "PREEMPTED", "REQUEUED", "DEADLINE"],
)
def test_a_bad_end_in_sacct(made: Made, state: str) -> None:
    made.started()
    made.sacct(row(state))
    found = made.found()
    assert found.state == "failed" and state in found.reasons[0]
    assert [record.id for record in found.slurm_jobs] == ["58"]


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "COMPLETING", "SUSPENDED"])
def test_a_job_in_the_queue_has_not_failed(made: Made, state: str) -> None:
    made.started()
    made.sacct(row(state, end=""))
    assert made.found().state == "running"


@pytest.mark.parametrize("reason", ["DependencyNeverSatisfied", "JobHeldAdmin"])
def test_a_job_that_can_never_start_has_failed(made: Made, reason: str) -> None:
    made.sacct(row("PENDING", end="", reason=reason))
    assert made.found().state == "failed"


def test_a_requeued_job_that_runs_again_has_not_failed(made: Made) -> None:
    made.started("02")
    made.sacct(row("REQUEUED", "01"), row("RUNNING", "02", end=""))
    assert made.found().state == "running"


def test_only_the_last_attempt_counts(made: Made) -> None:
    made.started("02")
    made.artefact()
    made.snakemake("2026-03-01T0", job("01", "failed", "25"))
    made.snakemake("2026-03-02T0", job("02", "finished", "27"))
    made.sacct(row("FAILED", "01", "25"), row("COMPLETED", "02", "27"))
    found = made.found()
    assert found.state == "complete"
    assert [(attempt.job_id, attempt.state) for attempt in found.attempts] == [("25", "FAILED"), ("27", "COMPLETED")]


def test_a_failure_after_a_success_counts(made: Made) -> None:
    made.started("02")
    made.artefact()
    made.sacct(row("COMPLETED", "01", "25"), row("FAILED", "02", "27"))
    assert made.found().state == "failed"


def test_sacct_of_another_copy_of_the_project_is_not_ours(made: Made) -> None:
    made.started("02")
    made.artefact()
    header = SACCT.strip() + "|WorkDir\n"
    rows = [row("COMPLETED", "02", "27") + f"|{made.root}", row("FAILED", "03", "31") + "|/somewhere/else"]
    (made.root / "sacct.txt").write_text(header + "\n".join(rows) + "\n")
    made.config["sacct"] = "sacct.txt"
    assert made.found().state == "complete"


def test_a_uuid_tells_nothing_but_the_log_tells_the_id(made: Made) -> None:
    made.started()
    made.snakemake("2026-03-01T0", job("01", "", "42"))
    uuid = row("NODE_FAIL", job_id="42").replace("smk-vgae_teacher-ds=set_01", "4097e85a-8361-45cd-9a99-8b974189e2dc")
    made.sacct(uuid)
    assert made.found().state == "failed"


def test_a_failed_job_of_snakemake(made: Made) -> None:
    made.started()
    made.snakemake("2026-03-01T0", job("01", "failed"))
    found = made.found()
    assert found.state == "failed" and "rule train failed, SLURM job 58" in " ".join(found.reasons)
    assert found.snakemake_logs == [".snakemake/log/2026-03-01T0.snakemake.log"]


def test_logs_of_our_own_runs_are_no_news_of_the_pipeline(made: Made) -> None:
    made.started()
    made.artefact()
    text = job("02", "failed").replace("best_model.pt", "diagnosis.md")
    made.snakemake("2026-03-02T0", text)
    made.snakemake("2026-03-03T0", "postmortem: config: a sentence\nWorkflowError:\nsomething\n")
    result = made.discover()
    assert result.workflow is None and result.runs[0].state == "complete"


# --- the run's own leftovers ---------------------------------------------------------------------------------------


def test_started_and_never_done(made: Made) -> None:
    made.started()
    found = made.found()
    assert found.state == "failed" and "best_model.pt is not there" in found.reasons[0]


def test_a_log_that_is_still_written_to_is_of_a_run_that_lives(made: Made) -> None:
    now = datetime.now() - timedelta(minutes=2)
    made.stderr(f"{now:%Y-%m-%d %H:%M:%S},000 INFO epoch 3\n")
    assert made.found().state == "running"


def test_an_empty_folder_has_not_started(made: Made) -> None:
    assert made.found().state == "unknown"


def test_done(made: Made) -> None:
    made.started()
    made.artefact()
    assert made.found().state == "complete"


def test_an_uncaught_exception_outweighs_the_artefact_of_an_earlier_attempt(made: Made) -> None:
    made.started("02", end="INFO go\n" + CRASH)
    made.artefact()
    made.database("complete", "2026-03-01T10:00:00", "2026-03-01T11:00:00")
    found = made.found()
    assert found.state == "failed" and "ValueError: no graphs" in " ".join(found.reasons)


def test_a_success_elsewhere_after_the_crash_outweighs_the_stale_log(made: Made) -> None:
    made.started("01", end="INFO go\n" + CRASH)
    made.artefact()
    made.database("complete", "2026-03-02T10:00:00", "2026-03-02T11:00:00")
    assert made.found().state == "complete"


def test_a_clean_exit_status_outweighs_what_looks_like_a_crash(made: Made) -> None:
    made.started("01", end="INFO go\n" + CRASH)
    made.artefact()
    made.sacct(row("COMPLETED"))
    assert made.found().state == "complete"


def test_the_database_says_failed(made: Made) -> None:
    made.started()
    made.artefact()
    made.database("failed", "2026-03-01T10:00:00", "2026-03-01T11:00:00")
    assert made.found().state == "failed"


def test_an_empty_artefact_of_a_success_is_suspect(made: Made) -> None:
    made.started()
    made.artefact(content="")
    made.database("complete", "2026-03-01T10:00:00", "2026-03-01T11:00:00")
    assert made.found().state == "suspect"


def test_the_database_is_left_as_it_is(made: Made) -> None:
    path = made.database("running", "2026-03-01T10:00:00", None)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    before = path.read_bytes()
    began = datetime.now()
    made.found()
    assert datetime.now() - began < timedelta(seconds=2)
    assert path.read_bytes() == before and sorted(p.name for p in path.parent.iterdir()) == ["project.db"]
    holder.close()


def test_a_run_of_no_known_stage_can_fail(made: Made) -> None:
    made.stderr(CRASH, "public/001-word")
    made.stderr("all is well\n", "public/002-word")
    result = made.discover()
    assert {state.run.id: state.state for state in result.runs if state.run.dataset == "public"} == {
        "public/001-word": "failed",
        "public/002-word": "unknown",
    }


# --- the pipeline itself -------------------------------------------------------------------------------------------

MISSING = "MissingInputException in rule x in file /p/Snakefile, line 3:\nMissing input files for rule x:\n"


def test_the_pipeline_stopped_before_any_job(made: Made) -> None:
    made.snakemake("2026-03-01T0", MISSING)
    workflow = made.discover().workflow
    assert workflow is not None and workflow.run.id == "(workflow)" and "MissingInputException" in workflow.reasons[0]


def test_a_later_success_of_the_pipeline_outdates_it(made: Made) -> None:
    made.snakemake("2026-03-01T0", MISSING)
    made.snakemake("2026-03-02T0", "1 of 1 steps (100%) done\n")
    assert made.discover().workflow is None


def test_a_failure_that_reached_a_run_is_that_run_s(made: Made) -> None:
    made.snakemake("2026-03-01T0", job("01", "").replace("Submitted job 1 with external jobid '58'.\n", "")
                   + "Error submitting jobscript (exit code 1):\n\n")  # fmt: skip
    result = made.discover()
    assert result.workflow is None and result.state_of(RUN).state == "failed"  # type: ignore[union-attr]


def test_a_failure_that_reached_no_run_is_the_pipeline_s(made: Made) -> None:
    made.snakemake("2026-03-01T0", job("01", "failed", run_id="set_09/not_there"))
    assert made.discover().workflow is not None


def test_a_pipeline_that_stopped_before_its_first_run_needs_no_folder_of_runs(made: Made) -> None:
    shutil.rmtree(made.root / "experimentruns")
    with pytest.raises(ConfigError, match="does not exist"):
        made.discover()
    made.snakemake("2026-03-01T0", MISSING)
    assert made.discover().workflow is not None
    made.config["experiment_root"] = "runs"
    with pytest.raises(ConfigError, match="does not exist"):
        made.discover()


# --- what the user reads -------------------------------------------------------------------------------------------


def test_a_line_for_each_run_and_a_sum(made: Made) -> None:
    made.sentinel()
    made.artefact("set_02/teacher_autoencoder")
    lines = made.discover().report()
    assert len(lines) == 3
    assert "diagnosed, failed: .failed is there" in lines[0] and "not diagnosed, complete" in lines[1]
    assert lines[-1] == "1 of 2 to diagnose"


def test_nothing_to_do_is_said(made: Made) -> None:
    made.artefact()
    assert made.discover().report()[-1] == "nothing to do: none of 1 runs has failed"


@pytest.mark.parametrize(
    ("text", "fatal"),
    [
        (CRASH, "ValueError: no graphs"),
        (CRASH + "wandb: run ended\n", "ValueError: no graphs"),
        (CRASH + "2026-03-01 10:00:00 INFO trying again\n", ""),
        ("Exception ignored in: <function f>\n" + CRASH, ""),
        (CRASH.replace("ValueError: no graphs", "zipfile.BadZipFile: no zip"), "zipfile.BadZipFile: no zip"),
        (CRASH.replace("ValueError: no graphs", "_queue.Empty"), "_queue.Empty"),
        (CRASH.replace("ValueError: no graphs", "subprocess.TimeoutExpired: it timed out"), "TimeoutExpired"),
        (CRASH.replace("ValueError: no graphs", "_queue.Empty") + "2026-03-01 10:00:00 INFO trying again\n", ""),
        ("INFO x\nSegmentation fault (core dumped)\n", "Segmentation fault (core dumped)"),
        ("slurmstepd: error: *** JOB 58 ON n CANCELLED AT 2026-03-01T10:00:00 ***\n", "CANCELLED AT"),
        ("train.py: error: argument --lr: invalid float value: 'x'\n", "error: argument"),
        ("/bin/bash: line 1: python9: command not found\n", "command not found"),
        ("UserWarning: this may raise a RuntimeError: later\nEpoch 3: 100%|####| 5/5\n", ""),
        ("torch.OutOfMemoryError: CUDA out of memory\n2026-03-01 10:00:00 WARNING skipped the batch\n", ""),
    ],
)
def test_how_a_log_ends(text: str, fatal: str) -> None:
    found = log_ending.fatal_line("2026-03-01 09:00:00 INFO start\n" + text)
    assert fatal in found if fatal else not found


# --- really provoked failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", sorted(path.parent.name for path in PROVOKED.glob("*/label.yaml")))
def test_provoked_failures_are_found_and_only_they(case: str, tmp_path: Path) -> None:
    label = yaml.safe_load((PROVOKED / case / "label.yaml").read_text())
    shutil.copytree(PROVOKED / case / "root", tmp_path / "root")
    failed = {entry["run"] for entry in label.get("failed_runs") or []}
    for run_id in failed:  # git keeps no empty folder
        (tmp_path / "root" / "experimentruns" / run_id).mkdir(parents=True, exist_ok=True)
    config = {"sacct": "off"}
    if (PROVOKED / case / "sacct.txt").exists():
        config["sacct"] = str(PROVOKED / case / "sacct.txt")
    if (PROVOKED / case / "snakemake.console").exists():
        config["snakemake_log"] = str(PROVOKED / case / "snakemake.console")
    result = discovery.discover(project.from_config(config, tmp_path / "root"))
    states = {state.run.id: (state.state, state.reasons) for state in result.runs}
    assert {run_id for run_id in failed if states[run_id][0] not in ("failed", "suspect")} == set(), states
    healthy = [run_id for run_id in label.get("ok_runs") or [] if run_id in states]
    assert {run_id for run_id in healthy if states[run_id][0] in ("failed", "suspect")} == set(), states
    assert (result.workflow is not None) == bool(label.get("workflow_failure"))
