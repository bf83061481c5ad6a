"""Errors that the catalogue does not know: their kind is guessed where a framework speaks, else they are quoted."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay import diagnose_text

TORCH = """Traceback (most recent call last):
  File "/home/ada/flow/train.py", line 88, in step
    out = layer(x)
  File "/home/ada/venv/lib/python3.11/site-packages/torch/nn/functional.py", line 512, in made_up
    return _VF.made_up(input)
RuntimeError: {}
"""


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("made_up: the 3-D frames of all inputs have to agree", "model.shape_mismatch"),
        ("made_up: only implemented for this scalar type on the host", "training.dtype_mismatch"),
        ("made_up: the gradients of a view were asked for twice", "training.autograd"),
        ("made_up: rank 3 asked for another op", "distributed.backend"),
        ("made_up: something else", "unknown"),
    ],
)
def test_what_a_framework_speaks_about(message: str, cause: str, tmp_path: Path) -> None:
    diagnosis = diagnose_text(TORCH.format(message), tmp_path)
    assert diagnosis["root_cause"]["id"] == cause
    assert diagnosis["root_cause"]["confidence"] < 0.6


def test_other_libraries_do_not_speak_about_tensors(tmp_path: Path) -> None:
    text = TORCH.format("the shape of the plot").replace("torch/nn/functional", "plotter/canvas")
    assert diagnose_text(text, tmp_path)["root_cause"]["id"] == "unknown"


def test_the_last_error_is_quoted_when_nothing_explains_the_failure(tmp_path: Path) -> None:
    text = TORCH.format("made_up: something else") + "\nstate saved\nbye\n"
    diagnosis = diagnose_text(text, tmp_path)
    assert diagnosis["root_cause"]["id"] == "unknown"
    assert diagnosis["evidence"][0]["text"] == "RuntimeError: made_up: something else"
    assert "made_up: something else" in diagnosis["summary"]


def test_a_launcher_is_not_the_last_error(tmp_path: Path) -> None:
    launcher = """Traceback (most recent call last):
  File "/home/ada/venv/lib/python3.11/subprocess.py", line 571, in run
    raise CalledProcessError(retcode, process.args)
subprocess.CalledProcessError: Command '['python', 'train.py']' returned non-zero exit status 1.
"""
    diagnosis = diagnose_text(TORCH.format("made_up: something else") + launcher, tmp_path)
    assert diagnosis["evidence"][0]["text"] == "RuntimeError: made_up: something else"


def test_the_block_under_a_heading_is_quoted_with_it(tmp_path: Path) -> None:
    text = """Building DAG of jobs...
MissingInputException in rule merge in file /home/ada/flow/Snakefile, line 31:
Missing input files for rule merge:
    output: out/all.csv
    affected files:
        out/part_1.csv
        out/part_2.csv
"""
    quotes = " ".join(item["text"] for item in diagnose_text(text, tmp_path)["evidence"])
    assert "out/part_2.csv" in quotes
