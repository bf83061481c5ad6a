"""What the lines around a message name: files that Snakemake lists, and what a program said before."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay import diagnose_text

from postmortem.analyze.remedies.around_statement import complaint_above, files_of, glued, line_below, place_below
from postmortem.collect.logs.statements import Statement, statements_of
from postmortem.facts import Line, Log, Source

MISSING_INPUT = """\
Building DAG of jobs...
MissingInputException in rule encode in file "/home/mara/wf/Snakefile", line 12:
Missing input files for rule encode:
    output: out/a.npz
    wildcards: sample=a
    affected files:
        in/a.csv
        in/scale.json

In the next paragraph stands other/file.csv
"""
MISSING_OUTPUT = """\
[Tue Mar  4 10:00:00 2025]
rule encode:
    input: in/a.csv
    output: out/a.npz
    jobid: 3

        python encode.py --fail-on error in/a.csv
{said}
Waiting at most 5 seconds for missing files.
MissingOutputException in line 12 of /home/mara/wf/Snakefile:
Job Missing files after 5 seconds:
out/a.npz
This might be due to filesystem latency. If that is the case, consider to increase the wait time with --latency-wait.
Job id: 3 completed successfully, but some output files are missing. 3
Shutting down, this might take some time.
"""


def statement(text: str, holding: str) -> Statement:
    """The statement of a log that holds these words."""
    lines = [Line(number, line) for number, line in enumerate(text.splitlines(), 1)]
    log = Log(Source("slurm.err"), "stderr", lines=lines)
    return next(each for each in statements_of(log) if holding in each.text)


def test_files_that_are_listed_below_a_message() -> None:
    assert files_of(statement(MISSING_INPUT, "Missing input files")) == ["in/a.csv", "in/scale.json"]
    assert files_of(statement(MISSING_INPUT, "MissingInputException")) == ["in/a.csv", "in/scale.json"]
    assert files_of(statement(MISSING_OUTPUT, "This might be due")) == ["out/a.npz"]
    assert files_of(statement("Missing input files for rule all:\nall done", "Missing input")) == []


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("/home/mara/dataSRR1.fastq", "/home/mara/data/SRR1.fastq"),
        ("resultsA/b.csv", ""),
        ("data/SRR1.fastq", ""),
        ("/home/mara/database.csv", ""),
        ("dataA.csv", "data/A.csv"),
    ],
)
def test_a_slash_that_is_missing(path: str, whole: str) -> None:
    assert glued(path) == whole


def test_the_line_below() -> None:
    assert line_below(statement("NameError in line 3 of /w/Snakefile:\nname 'A' is not defined", "NameError")) == (
        "name 'A' is not defined"
    )
    assert line_below(statement("the last line", "last")) == ""


INPUT_FUNCTION = """\
InputFunctionException in rule merge in file "/home/mara/wf/rules/merge.smk", line 7:
Error:
  KeyError: 'B'
Wildcards:
  sample=B
Traceback:
  File "/home/mara/wf/rules/merge.smk", line 12, in <lambda>
  File "/home/mara/wf/Snakefile", line 31, in parts_of
"""


def test_what_snakemake_says_of_an_input_function() -> None:
    said = statement(INPUT_FUNCTION, "InputFunctionException")
    assert line_below(said) == "KeyError: 'B'"
    assert place_below(said) == {"file": "/home/mara/wf/Snakefile", "line": "31", "function": "parts_of"}
    assert place_below(statement(MISSING_INPUT, "MissingInput")) == {"file": "", "line": "", "function": ""}


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("ERROR: column 'id' was not found", "ERROR: column 'id' was not found"),
        ("INFO No frames were kept.\nINFO Thank you", "INFO No frames were kept."),
        ("WARNING: something was not found", None),
        ("done, 0 errors", None),
        ("all is well", None),
    ],
)
def test_what_the_program_said_before(said: str, complaint: str | None) -> None:
    line = complaint_above(statement(MISSING_OUTPUT.format(said=said), "MissingOutputException"))
    assert (line.text if line else None) == complaint


def test_a_missed_output_is_explained_by_what_its_program_said(tmp_path: Path) -> None:
    diagnosis = diagnose_text(MISSING_OUTPUT.format(said="ERROR: column 'id' was not found"), tmp_path)
    assert diagnosis["root_cause"]["id"] == "workflow.missing_output"
    assert any("column 'id'" in item["text"] for item in diagnosis["evidence"])
    assert "column 'id'" in diagnosis["fix"][0]["text"] and "out/a.npz" in diagnosis["fix"][0]["text"]
