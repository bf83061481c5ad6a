"""Values and commands computed from the evidence."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from postmortem.analyze.findings import Fix
from postmortem.analyze.remedies.acting import acts, only_looks
from postmortem.analyze.remedies.code import edited
from postmortem.analyze.remedies.fixes import _without_repeats, half, read_on
from postmortem.analyze.remedies.resources import longer_minutes, sbatch_time
from postmortem.analyze.remedies.run_again import as_the_workflow_ran_it, rerun
from postmortem.facts import CodeFrame, Frame, Line, Log, RunFacts, SlurmJob, SnakemakeJob, Source

RESHAPED = {"replace": r"\.view\(", "by": ".reshape("}


@pytest.mark.parametrize(
    ("number", "expected"), [(64, 32), ("48", 16), (2, 1), (1, 1), (0, 1), ("3.5", 1), ("", ""), (None, ""), ("x", "")]
)
def test_half_is_a_power_of_two(number: object, expected: object) -> None:
    assert half(number) == expected


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-3", "1e400"])
def test_half_of_no_size(number: str) -> None:
    assert half(number) in ("", 1)


def facts(stage: str = "gat", directory: str = "experimentruns/d/my run", **templates: str) -> RunFacts:
    run_again = {"stage": "python -m p {stage} --config {config} {flags}", "flag": "--{field} {value}"} | templates
    return RunFacts(run="d/r", directory=directory, stage=stage, profile={"run_again": run_again})


def test_rerun_changes_values_and_quotes_for_the_shell() -> None:
    command = rerun(facts(), {"batch_size": 8, "name": "a b;c", "amp": False})
    assert shlex.split(command) == [
        "python", "-m", "p", "gat", "--config", "experimentruns/d/my run/config.json",
        "--batch-size", "8", "--name", "a b;c", "--amp", "false",
    ]  # fmt: skip
    assert rerun(facts()).endswith("config.json'")


def test_rerun_is_empty_where_it_cannot_be_known() -> None:
    assert rerun(facts(stage="")) == ""
    assert rerun(RunFacts(run="d/r", directory="x", stage="gat")) == ""
    assert rerun(facts(), {"batch_size": ""}) == ""
    assert rerun(facts(flag=""), {"batch_size": 8}) == ""


def test_the_command_of_the_workflow_with_another_value() -> None:
    ran = facts()
    assert as_the_workflow_ran_it(ran, {"lr": 0.1}) is None
    shell = "python -m p gat --scheduler-type cosin --lr 3 >runs/a/slurm.out 2>>runs/a/slurm.err"
    ran.snakemake_jobs = [SnakemakeJob("snakemake.log", "train", shell=shell)]
    given = as_the_workflow_ran_it(ran, {"scheduler_type": "cosine"})
    assert given and (given.rule, given.log) == ("train", "snakemake.log")
    assert given.command == "python -m p gat --scheduler-type cosine --lr 3"
    quoted = as_the_workflow_ran_it(ran, {"lr": "$(x)"})
    assert quoted and shlex.split(quoted.command)[-1] == "$(x)"
    assert as_the_workflow_ran_it(ran, {"epochs": 3}) is None  # it stands elsewhere


def test_what_repeats_the_first_fix_is_left_out() -> None:
    first = Fix("Set lr back.", "python train.py --lr 0.1", {"lr": 0.1})
    assert _without_repeats(
        [first, Fix("Train with lr 0.2.", None, {"lr": 0.2}), Fix("Again.", "python train.py")]
    ) == [first]
    removed, aside = Fix("Rebuild.", "rm -r cache/a && python x.py"), Fix("Or put it aside.", "mv cache/a cache/a.old")
    other = Fix("Put b aside.", "mv cache/b cache/b.old")
    assert _without_repeats([removed, aside, other]) == [removed, other]


def test_read_on_shows_the_place() -> None:
    fix = read_on("logs/my run.err", 100)
    assert fix.command == "sed -n '85,115p' 'logs/my run.err'"
    assert (fix.file, fix.line) == ("logs/my run.err", 100)
    assert str(read_on("a", 3).command).startswith("sed -n '1,")
    assert read_on("a", None).command == "tail -n 40 a"


def fix(command: str = "", **more: object) -> Fix:
    return Fix("Do it.", command or None, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "looking", ["ls -la data", "sacct -j 7 | tail -n 1", "A=1 nvidia-smi", "python -m pip list", "cd x && grep -n a b"]
)
def test_what_only_looks(looking: str) -> None:
    assert only_looks(fix(looking)) and not acts(fix(looking))


@pytest.mark.parametrize("acting", [fix("rm -r data/cache"), fix(config={"lr": 1}), fix(diff="--- a")])
def test_what_acts(acting: Fix) -> None:
    assert acts(acting) and not only_looks(acting)


def test_a_command_with_something_left_open_does_not_act() -> None:
    assert not acts(fix("sbatch --time=<more> job.sh")) and not acts(fix("snakemake ..."))


def test_an_edit_is_a_diff_of_the_line() -> None:
    frame = Frame("net/model.py", 7, "forward", "return x.view(n, -1)", own=True)
    assert edited(frame, [], RESHAPED).splitlines()[-2:] == [
        "-return x.view(n, -1)", "+return x.reshape(n, -1)",
    ]  # fmt: skip
    code = CodeFrame("net/model.py", 7, "forward", [Line(7, "        return x.view(n, -1)")])
    assert "-        return x.view(n, -1)" in edited(frame, [code], RESHAPED)
    stepped = Frame("t.py", 3, "fit", "plateau.step()", own=True)
    assert "+plateau.step(val_loss)" in edited(stepped, [], {"replace": r"(\w+)\.step\(\)", "by": r"\1.step(val_loss)"})
    assert edited(frame, [], {"replace": r"\.squeeze\(", "by": ".x("}) == ""
    assert edited(Frame("a", None, "f"), [], {"replace": "a", "by": "b"}) == ""


def test_a_diff_can_be_applied(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("def f(x, n):\n    y = x\n    return x.view(n, -1)\n")
    frame = Frame("model.py", 3, "f", "return x.view(n, -1)", own=True)
    read = CodeFrame("model.py", 3, "f", [Line(3, "    return x.view(n, -1)")])
    said = edited(frame, [read], RESHAPED) + "\n"
    done = subprocess.run(["patch", "-p0"], input=said, cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "x.reshape(n, -1)" in (tmp_path / "model.py").read_text()


@pytest.mark.parametrize(
    ("limit", "wanted"), [("08:00:00", 16 * 60), ("1-00:00:00", 48 * 60), ("00:10:00", 30), ("", 0)]
)
def test_a_longer_time_is_twice_the_limit(limit: str, wanted: int) -> None:
    known = RunFacts(run="d/r", directory="x", slurm_jobs=[SlurmJob("7", "TIMEOUT", time_limit=limit)])
    assert longer_minutes(known) == wanted


def test_a_longer_time_from_the_log() -> None:
    words = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-03-02T07:28:00 DUE TO TIME LIMIT ***"
    log = Log(Source("slurm.err"), "stderr", first_time="2026-03-01T23:30:00", lines=[Line(9, words)])
    minutes = longer_minutes(RunFacts(run="d/r", directory="x", logs=[log]))
    assert sbatch_time(minutes) == "16:00:00" and sbatch_time(minutes + 24 * 60) == "1-16:00:00"
