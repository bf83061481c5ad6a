"""What was found is handed to the jobs: they do not look again, and only news of a run makes its diagnosis again."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from example_projects import BOTH, REPOSITORY, SNAKEMAKE_7, environment
from made_runs import CRASH, make_run
from whole_chain import accounting, failed, found_in

from postmortem.discover.discovery import RunState
from postmortem.facts import Attempt, SlurmJob
from postmortem.jobs import handover
from postmortem.project.project import Project, from_config
from postmortem.project.runs import from_id

RUN, OTHER = "set_01/teacher_autoencoder", "set_02/teacher_curriculum"
FILE = handover.file_of_batch("1")


def watched(root: Path, sacct: str = "off") -> Project:
    return from_config({"sacct": sacct}, root)


def found(project: Project, *jobs: SlurmJob, **values: object) -> RunState:
    """A failed run of which the accounting knows these jobs."""
    state = RunState(from_id(RUN, project), "failed", ["sacct says so"], slurm_jobs=list(jobs[-1:]))
    state.attempts = [Attempt(number, job.id, job.state) for number, job in enumerate(jobs, start=1)]
    state.job_ids = [job.id for job in jobs]
    for name, value in values.items():
        setattr(state, name, value)
    return state


def job(number: int, state: str = "FAILED", line: int = 2) -> SlurmJob:
    return SlurmJob(str(number), state, line=line, raw=f"{number}|{state}", fields={"State": state})


# --- what is written -----------------------------------------------------------------------------------------------


def test_what_is_read_is_what_was_found(tmp_path: Path) -> None:
    failed(make_run(tmp_path, RUN, stderr=CRASH), rule="train", slurm_job_id="12")
    failed(make_run(tmp_path, OTHER, stderr=CRASH))
    (tmp_path / "slurm_logs").mkdir()
    (tmp_path / "slurm_logs" / "12-train.err").write_text(CRASH)
    (tmp_path / ".snakemake" / "log").mkdir(parents=True)
    (tmp_path / ".snakemake" / "log" / "2026-01-05T100000.000000.snakemake.log").write_text(
        f"[Mon Jan  5 10:00:00 2026]\nrule train:\n    output: experimentruns/{RUN}/best_model.pt\n    jobid: 1\n\n"
        "Submitted job 1 with external jobid '12'.\n[Mon Jan  5 10:06:00 2026]\nError in rule train:\n    jobid: 1\n"
        f"    output: experimentruns/{RUN}/best_model.pt\n    cluster_jobid: 12\n\n"
    )
    times = ("2026-01-05T10:00:00", "2026-01-05T10:06:00")
    project = watched(tmp_path, accounting(tmp_path, ("12", "x", "FAILED", "1:0", *times)))
    states = found_in(project).runs
    assert any(state.job_logs and state.slurm_jobs and state.snakemake_jobs for state in states)
    handover.write(project, states, FILE)
    assert handover.read(project, FILE) == {state.run.id: state for state in states}
    handover.write_all(project, states)
    assert {run: known.state for run, known in handover.read(project, handover.ALL_RUNS).items()} == {
        RUN: "failed", OTHER: "failed",
    }  # fmt: skip


def test_a_copy_of_the_project_holds_no_news(tmp_path: Path) -> None:
    digests = set()
    for name in ("here", "there"):
        project = watched(tmp_path / name)
        log = project.root / "slurm_logs" / "1-train.err"
        digests.add(handover.write(project, [found(project, job(1), job_logs=[(log, "job")])], FILE))
        assert handover.read(project, FILE)[RUN].job_logs == [(log, "job")]
    assert len(digests) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"set_01/teacher_autoencoder": 3}', '{"x/y": {"attempts": 3}}'])
def test_a_file_that_is_broken_says_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(content)
    assert handover.read(watched(tmp_path), FILE) == {}


def test_it_is_written_only_when_it_says_something_new(tmp_path: Path) -> None:
    project = watched(tmp_path)
    handover.write(project, [found(project, job(1))], FILE)
    os.utime(tmp_path / FILE, (1, 1))
    handover.write(project, [found(project, job(1))], FILE)
    assert (tmp_path / FILE).stat().st_mtime == 1
    handover.write(project, [found(project, job(2))], FILE)
    assert (tmp_path / FILE).stat().st_mtime > 1


# --- what is news --------------------------------------------------------------------------------------------------


def test_news_of_a_run(tmp_path: Path) -> None:
    project = watched(tmp_path)
    states = [
        found(project, job(1)),
        found(project, job(1, "TIMEOUT")),
        found(project, job(1, "TIMEOUT"), job(2)),
        found(project, job(1, "TIMEOUT"), job(2), sentinel={"exit_code": 3}),
        found(project, job(1, "TIMEOUT"), job(2), sentinel={"exit_code": 3}, state="suspect"),
    ]
    assert len({handover.write(project, [state], FILE) for state in states}) == len(states)


def test_what_is_no_news_of_a_run(tmp_path: Path) -> None:
    project = watched(tmp_path)
    jobs = (job(1), job(2))
    looks = [
        found(project, *jobs),
        found(project, *jobs, not_read=["sacct: no answer within 5 s"]),
        found(project, job(1, line=8), job(2, line=9)),  # the table has grown above them
        found(project, jobs[1]),  # sacct has forgotten the first one
        found(project, job_ids=["2"]),  # and the second one
    ]
    assert len({handover.write(project, [state], FILE) for state in looks}) == 1
    kept = handover.read(project, FILE)[RUN]
    assert [attempt.job_id for attempt in kept.attempts] == ["1", "2"] and kept.slurm_jobs[0].id == "2"


def test_an_attempt_by_hand_after_the_jobs_is_news(tmp_path: Path) -> None:
    project = watched(tmp_path)
    first = Attempt(1, "1", "FAILED", "2026-01-05T10:00:00", "2026-01-05T10:06:00")
    began = {"10:01:00": 1, "10:07:00": 2, "": 1}  # of a log of which no job is known: how many digests there are then
    for clock, count in began.items():
        by_hand = Attempt(1, start=f"2026-01-05T{clock}" if clock else "")
        looks = [found(project, attempts=[first], job_ids=["1"]), found(project, attempts=[by_hand])]
        assert len({handover.write(project, [state], FILE) for state in looks}) == count, clock
        (tmp_path / FILE).unlink()


# --- the processes that Snakemake starts for single jobs -----------------------------------------------------------

SACCT = """#!/bin/sh
echo "$$" >> {calls}
echo "JobID|JobName|State|ExitCode|Submit|Start|End|WorkDir"
echo "12|x|FAILED|1:0|2026-01-05T10:00:00|2026-01-05T10:00:00|2026-01-05T10:06:00|{root}"
"""


def submitting(snakemake: Path) -> list[str]:
    """Options that send each job to a process of its own, as to a cluster."""
    if snakemake == SNAKEMAKE_7:
        return ["--cluster", "sh", "--jobs", "1", "--latency-wait", "0"]
    options = ["--executor", "cluster-generic", "--cluster-generic-submit-cmd", "sh", "--jobs", "1"]
    return [*options, "--latency-wait", "0", "--shared-fs-usage", "persistence", "input-output", "sources",
            "source-cache", "storage-local-copies", "software-deployment"]  # fmt: skip


@pytest.mark.slow
@BOTH
def test_a_job_on_a_cluster_does_not_look_again(snakemake: Path, tmp_path: Path) -> None:
    if not snakemake.exists():
        pytest.skip(f"there is no {snakemake}")
    root, programs, calls = tmp_path / "project", tmp_path / "bin", tmp_path / "calls"
    failed(make_run(root, RUN, stderr=CRASH), slurm_job_id="12")
    make_run(root, OTHER, stderr="Stage 'curriculum' complete\n")
    programs.mkdir()
    for name, text in (("sacct", SACCT.format(calls=calls, root=root)), ("squeue", "#!/bin/sh\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    targets = [f"experimentruns/{run}/diagnosis.facts.json" for run in (RUN, OTHER)]
    command = [snakemake, *targets, "-s", REPOSITORY / "Snakefile", "--directory", root]
    path = f"{programs}:{snakemake.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [*command, *submitting(snakemake)],
        env=environment(PATH=path), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    of_failed, of_other = (json.loads((root / target).read_text()) for target in targets)
    assert (of_failed["state"], of_other["state"]) == ("failed", "complete")
    assert of_failed["slurm_jobs"][0]["id"] == "12"
    one_look = 2  # two questions to sacct
    assert len(calls.read_text().split()) == one_look
