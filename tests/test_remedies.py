"""Values and commands computed from the evidence."""

from __future__ import annotations

import shlex

import pytest

from postmortem.analyze.remedies.fixes import half, read_on, rerun
from postmortem.facts import RunFacts


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


def test_read_on_shows_the_place() -> None:
    fix = read_on("logs/my run.err", 100)
    assert fix.command == "sed -n '85,115p' 'logs/my run.err'"
    assert (fix.file, fix.line) == ("logs/my run.err", 100)
    assert str(read_on("a", 3).command).startswith("sed -n '1,")
    assert read_on("a", None).command == "tail -n 40 a"
