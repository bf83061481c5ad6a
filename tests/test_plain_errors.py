"""Error lines of programs that nobody knows: a guess at the kind by their words, which gives way to what is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay import diagnose_text

from postmortem.analyze.causes import meanings
from postmortem.analyze.error_words import THEMES, TO_DO


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("ERROR: the reference index ref/hg38.idx does not exist", "data.missing"),
        ("frobnicate: error: unrecognized argument --fast", "config.invalid"),
        ("== Error == failed to allocate 12 GB", "host.oom"),
        ("(ERR): record 12 has fewer fields than the header", "data.malformed"),
        ("FATAL: could not find the required program 'frob'", "env.activation"),
        ("EXITING: no sequences were left", "data.empty"),
        ("ERROR: failed to download the taxonomy", "io.network"),
        ("ERROR: cannot write results: output folder is not writable", "io.permission"),
        ("frob.errors.FrobError: Could not find database /data/frob", "data.missing"),
    ],
)
def test_an_error_line_of_an_unknown_program(text: str, cause: str, tmp_path: Path) -> None:
    diagnosis = diagnose_text(f"frobnicating\n{text}\n", tmp_path)
    assert diagnosis["root_cause"]["id"] == cause
    assert diagnosis["root_cause"]["confidence"] < 0.5
    assert " ".join(text.split())[-20:] in diagnosis["fix"][0]["text"]


@pytest.mark.parametrize(
    "text",
    [
        "ERROR: something went wrong",
        "0 errors, all files were found",
        "the file a.csv was not found, taking b.csv",
        "Error in rule frob:",
        "ERROR: Job 12 exited with code 3, see log file",
        "WARNING: reference does not exist",
    ],
)
def test_lines_that_say_nothing(text: str, tmp_path: Path) -> None:
    assert diagnose_text(f"frobnicating\n{text}\n", tmp_path)["root_cause"]["id"] == "unknown"


def test_what_is_known_comes_first(tmp_path: Path) -> None:
    guess = "ERROR: the input file a.csv was not found\n"
    known = "slurmstepd: error: Detected 1 oom_kill event in StepId=123.batch.\n"
    assert diagnose_text(known + guess, tmp_path)["root_cause"]["id"] == "host.oom"
    killed = "/var/spool/slurmd/job7/slurm_script: line 9: 811 Killed                  python train.py\n"
    assert diagnose_text(killed + guess, tmp_path)["root_cause"]["id"] == "host.killed"


def test_a_run_without_a_record_of_its_end_is_not_called_failed_for_a_guess(tmp_path: Path) -> None:
    assert diagnose_text("ERROR: the input file a.csv was not found\n", tmp_path, "unknown")["status"] == "ok"


def test_the_words_are_of_causes_that_there_are_and_each_says_what_to_do() -> None:
    assert {cause for cause, _ in THEMES} == set(TO_DO)
    assert set(TO_DO) <= set(meanings())
