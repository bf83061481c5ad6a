"""A job once more: which command, and what it is never made of."""

from __future__ import annotations

import pytest

from postmortem.analyze.remedies.submission import Request, submit_again
from postmortem.facts import Artefact, Line, Log, RunFacts, SlurmJob, SnakemakeJob, Source

RUN_AGAIN = {"workflow": "snakemake {output}", "time": "time_min"}


def recorded(line: str) -> RunFacts:
    job = SlurmJob("7", work_dir="/home/ana/my runs", fields={"SubmitLine": line})
    return RunFacts(run="d/r", directory="d/r", slurm_jobs=[job])


def test_an_old_option_gives_way() -> None:
    command = submit_again(recorded("sbatch -t 60 --mem-per-cpu=2G train.sh -tail x"), request=Request(90, 800))
    assert command == "cd '/home/ana/my runs' && sbatch --time=01:30:00 --mem=800M train.sh -tail x"


def test_a_workflow_is_asked_for_its_output() -> None:
    facts = RunFacts(
        run="d/r",
        directory="d/r",
        profile={"run_again": RUN_AGAIN},
        snakemake_jobs=[SnakemakeJob("a.log", rule="train")],
        artefacts=[Artefact("d/r", "d/r/best model.pt", "absent", role="success")],
    )
    command = submit_again(facts, "7", Request(90, 800))
    assert command == "snakemake 'd/r/best model.pt' --set-resources train:time_min=90 train:mem_mb=800"
    assert submit_again(facts, "7") == "snakemake 'd/r/best model.pt'"


def test_what_snakemake_submitted_is_not_submitted_by_hand() -> None:
    assert submit_again(recorded("sbatch /home/ana/.snakemake/tmp.x/snakejob.train.1.sh")) == ""
    log = Log(Source("slurm.err"), "stderr", lines=[Line(1, "Building DAG of jobs...")])
    assert submit_again(RunFacts(run="d/r", directory="d/r", logs=[log]), "4711") == ""


@pytest.mark.parametrize("job", ["", "x", "$(touch y)", "1$(touch y)", "x.7"])
def test_no_number_no_command(job: str) -> None:
    assert submit_again(RunFacts(run="d/r", directory="d/r"), job) == ""


def test_hostile_nodes_reach_no_command() -> None:
    assert "touch" not in submit_again(RunFacts(run="d/r", directory="d/r"), "7", Request(exclude="n1/; touch y"))
