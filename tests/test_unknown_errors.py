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
        ("made_up: something else", "model.shape_mismatch"),  # by what that part of the library is about
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
    text = TORCH.format("made_up: something else").replace("torch/nn/functional", "plotter/canvas")
    text += "\nstate saved\nbye\n"
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


def test_only_the_first_line_of_a_check_says_what_it_is_about(tmp_path: Path) -> None:
    text = """Traceback (most recent call last):
  File "/home/ada/sim/contacts.py", line 71, in attach
    assert rows == expected, message
AssertionError: contact rows differ.
Expected 4 rows, got 9. Missing rows (0): [] files not found (0)
"""
    assert diagnose_text(text, tmp_path)["root_cause"]["id"] == "code.bug"


def test_what_the_interpreter_says_in_a_library_is_no_refused_setting(tmp_path: Path) -> None:
    text = """Traceback (most recent call last):
  File "/home/ada/rl/train.py", line 40, in <module>
    model.learn(1000)
  File "/home/ada/venv/lib/python3.11/site-packages/stable_baselines3/common/monitor.py", line 94, in step
    obs, reward, ended, cut, info = self.env.step(action)
ValueError: not enough values to unpack (expected 5, got 4)
"""
    assert diagnose_text(text, tmp_path)["root_cause"]["id"] == "code.bug"


def test_the_line_above_frames_without_a_header_is_a_statement(tmp_path: Path) -> None:
    text = """The training stopped: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 8.00 GiB total capacity)
  File "/home/ada/gnn/layers.py", line 12, in forward
    x = self.lin(x)
"""
    diagnosis = diagnose_text(text, tmp_path)
    assert diagnosis["root_cause"]["id"] == "gpu.oom"


def test_a_bare_error_of_r_is_quoted(tmp_path: Path) -> None:
    text = "Fitting\nError: processing vignette 'a.Rmd' failed with diagnostics:\nno such engine\nExecution halted\n"
    quotes = " ".join(item["text"] for item in diagnose_text(text, tmp_path)["evidence"])
    assert "processing vignette 'a.Rmd'" in quotes
