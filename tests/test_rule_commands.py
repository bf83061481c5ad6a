"""The command of a failed rule: an option that is glued to the value before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay import diagnose_text

FAILED = """\
Building DAG of jobs...
[Tue Mar  4 10:00:00 2025]
rule align:
    input: reads/a.fastq
    output: out/a.tsv
    jobid: 3

[Tue Mar  4 10:00:01 2025]
Error in rule align:
    jobid: 3
    output: out/a.tsv
    shell:
        {command}
        (one of the commands exited with non-zero exit code; note that snakemake uses bash strict mode!)

Shutting down, this might take some time.
"""


@pytest.mark.parametrize(
    ("command", "apart"),
    [
        ("aligner search -q reads/a.fastq --max-hits 5--evalue 0.01 -o out/a.tsv", "--max-hits 5 --evalue"),
        ("aligner search --db index/ref.fa--threads 8 -o out/a.tsv", "--db index/ref.fa --threads"),
    ],
)
def test_an_option_that_is_glued_to_a_value(command: str, apart: str, tmp_path: Path) -> None:
    diagnosis = diagnose_text(FAILED.format(command=command), tmp_path)
    assert diagnosis["root_cause"]["id"] == "workflow.definition"
    assert apart in diagnosis["fix"][0]["text"]
    assert command in diagnosis["evidence"][0]["text"]


@pytest.mark.parametrize(
    "command",
    [
        "aligner search -q reads/a--b.fastq --max-hits 5 --evalue 0.01",
        "aligner search --sample a--b --max-hits 5",
        "git log --since=2.weeks -- path",
        "python fit.py --range 1-5 --out x",
    ],
)
def test_commands_that_are_whole(command: str, tmp_path: Path) -> None:
    assert diagnose_text(FAILED.format(command=command), tmp_path)["root_cause"]["id"] == "unknown"


def test_a_command_of_a_rule_that_did_not_fail_is_left_alone(tmp_path: Path) -> None:
    text = "rule align:\n    shell:\n        aligner --max-hits 5--evalue 0.01\nValueError: bad\n"
    assert diagnose_text(text, tmp_path)["root_cause"]["id"] != "workflow.definition"
