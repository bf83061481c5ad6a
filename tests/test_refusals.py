"""What a library refuses, in words that nobody has seen: by its words, its type and its place."""

from __future__ import annotations

import pytest

from postmortem.analyze.exceptions.classify import classify
from postmortem.collect.logs.statements import EXCEPTION, Statement
from postmortem.facts import Frame, Log, RaisedException, Source

SITE = "/opt/envs/net/lib/python3.11/site-packages"
OWN = Frame("/p/train.py", 7, "main", "x = f(y)", 2, True)


def cause(type: str, message: str, file: str, source: str = "raise Refusal(", function: str = "g") -> str:
    """The cause of what a function in a file of an installed package raised."""
    exception = RaisedException(type, message, [OWN, Frame(f"{SITE}/{file}", 3, function, source, 6, False)], 8, 8)
    statement = Statement(
        f"{type}: {message}", EXCEPTION, Log(Source("slurm.err"), "stderr"), 8, 8, exception=exception
    )
    finding = classify(statement)
    return finding.id if finding else "none"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("`pace` must be one of 'slow' or 'fast', got 'warp'", "config.invalid"),
        ("Unknown pace 'warp'.", "config.invalid"),
        ("Give exactly one of `rows` and `table`.", "config.invalid"),
        ("Charts need the `plotter` package: pip install plotter", "code.import"),
        ("plotter is not installed", "code.import"),
        ("This writer requires plotter >= 2.1, found 1.9", "code.library_conflict"),
        ("`slow_start` is no longer supported.", "code.library_conflict"),
        ("Queries of shape (3, 4) do not fit keys of shape (5, 6)", "model.shape_mismatch"),
        ("`weights` must be a 2-D array", "model.shape_mismatch"),
        ("Column speed contains NaN", "data.malformed"),
        ("The table was truncated", "data.malformed"),
        ("The dataset is empty", "data.empty"),
        ("The file /d/train.csv does not exist", "data.missing"),
        ("The checkpoint file /d/last.ckpt does not exist", "model.checkpoint_missing"),
        ("Call fit() before using it", "code.bug"),
        ("A tracker is already active", "code.bug"),
        ("`rows` must be a list, got <class 'str'>", "code.bug"),
        ("The saved weights do not match those of layer 4", "model.state_dict_mismatch"),
        ("The request to the server timed out", "io.network"),
        ("All inputs must be on the same device", "gpu.device_mismatch"),
        ("NaN in the loss of step 4", "training.nan_loss"),
        ("Both tables must have the same dtype", "training.dtype_mismatch"),
        ("Waiting for the peer timed out", "io.network"),
        ("The host 10.1.1.9 is unreachable", "io.network"),
        ("`order` has to be callable", "code.bug"),
        ("Your function must return a table", "code.bug"),
        ("You must call start() first", "code.bug"),
        ("`rows` must be float32", "training.dtype_mismatch"),
        ("The cached table was written with an older plotter version", "data.stale_cache"),
        ("Incomplete record at byte 12", "data.malformed"),
        ("Dataset not found. Say download=True", "data.missing"),
        ("The safetensors file does not contain valid metadata", "model.checkpoint_corrupt"),
        ("`pace` has different values in the model and in the loader", "config.mismatch"),
        ("The environment variable PACE should be a number", "config.invalid"),
        ("This reader was built without support for zip", "code.library_conflict"),
        ("Tables are not supported for plotter versions < 3", "code.library_conflict"),
    ],
)
def test_words_come_before_an_unknown_place(message: str, expected: str) -> None:
    assert cause("ValueError", message, "unheard_of/thing.py") == expected
    assert cause("unheard_of.errors.OddError", message, "unheard_of/thing.py") == expected


@pytest.mark.parametrize("message", ["Argument 3 is invalid for `order`.", "keys are sorted by hand"])
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("scipy/optimize/_thing.py", "code.bug"),  # what computes is called by the code
        ("matplotlib/thing.py", "code.bug"),
        ("jax/_src/thing.py", "code.bug"),
        ("transformers/models/thing.py", "config.invalid"),  # what builds and trains is set up
        ("unheard_of/scipy_like/thing.py", "config.invalid"),
        ("unheard_of/thing.py", "config.invalid"),
    ],
)
def test_an_argument_is_of_the_code_or_of_the_settings_by_what_the_library_does(
    message: str, file: str, expected: str
) -> None:
    assert cause("ValueError", message, file) == expected


@pytest.mark.parametrize("message", ["Only one of `rows` and `table` can be given.", "Argument 3 is invalid."])
@pytest.mark.parametrize(
    ("function", "file", "expected"),
    [
        ("__init__", "transformers/models/thing.py", "config.invalid"),
        ("forward", "transformers/models/thing.py", "code.bug"),  # each batch is given by the code
        ("update", "torchmetrics/thing.py", "code.bug"),
        ("forward_as_set_up", "mlflow/store/thing.py", "tracking.mlflow"),
        ("f", "mlflow/spark/thing.py", "config.invalid"),
        ("check", "sklearn/utils/validation.py", "data.malformed"),
    ],
)
def test_what_runs_on_each_batch_is_given_its_arguments_by_the_code(
    message: str, function: str, file: str, expected: str
) -> None:
    assert cause("ValueError", message, file, function=function) == expected


def test_a_missing_checkpoint_is_known_though_the_sentence_has_an_apostrophe() -> None:
    missing = "Directory '/d/last.ckpt' doesn't exist"
    assert cause("FileNotFoundError", missing, "unheard_of/thing.py") == "model.checkpoint_missing"


def test_a_word_of_the_code_is_no_unreachable_host() -> None:
    assert cause("AssertionError", "Unreachable", "unheard_of/thing.py") != "io.network"


@pytest.mark.parametrize(
    ("message", "not_expected"),
    [
        ("RescaleAction requires a Box, got <class 'list'>", "code.library_conflict"),
        ("`order` requires order<=1", "code.library_conflict"),
        ("`size` must hold 'shortest_edge'", "model.shape_mismatch"),
        ("centre should be given as 2D coordinates", "model.shape_mismatch"),
        ("No more images in this file", "data.missing"),
        ("Prefix cannot be empty", "data.empty"),
        ("Loader timed out after 6 seconds", "io.network"),
        ("the financial report must be a path", "training.nan_loss"),
    ],
)
def test_look_alikes(message: str, not_expected: str) -> None:
    assert cause("ValueError", message, "unheard_of/thing.py") != not_expected


def test_a_firm_place_comes_before_the_words() -> None:
    assert cause("ValueError", "`target` must be a node", "torch/fx/graph.py") == "code.build"
    assert cause("WorkflowError", "jobs must be given", "snakemake/api.py") == "workflow.definition"


def test_without_known_words_the_place_speaks() -> None:
    assert cause("unheard_of.OddError", "it is so", "mlflow/store/db.py") == "tracking.mlflow"
    assert cause("unheard_of.OddError", "it is so", "unheard_of/thing.py") == "none"
    # what the compiled part of a library raised is of its place, not of the words of a check
    assert cause("RuntimeError", "x must be y", "torch/nn/functional.py", "return _VF.f(x)") == "model.shape_mismatch"
    # a check that says nothing of shapes is about none, wherever it stands
    assert cause("ValueError", "it is so", "torch/nn/functional.py") == "code.bug"


def test_the_type_stands_where_it_is_telling() -> None:
    assert cause("TypeError", "`rows` must be a list", "unheard_of/thing.py") == "code.bug"
    assert cause("ImportError", "it is so", "unheard_of/thing.py") == "code.import"
    assert cause("click.exceptions.UsageError", "no such run", "unheard_of/thing.py") == "config.invalid"
    assert cause("scipy.linalg.LinAlgError", "`a` must be a 2-D array", "scipy/linalg/a.py") == "model.shape_mismatch"
    assert cause("scipy.linalg.LinAlgError", "it is so", "scipy/linalg/a.py") == "training.nan_loss"
    assert cause("SyntaxError", "not a picture file", "PIL/OddImagePlugin.py") == "data.malformed"


@pytest.mark.parametrize("source", ["raise error", "raise value.as_cause()", "raise self._exception"])
def test_what_is_raised_again_keeps_its_own_type(source: str) -> None:
    assert cause("OddError", "`pace` must be positive", "unheard_of/thing.py", source) == "none"


def test_the_words_of_a_command_are_not_those_of_a_library() -> None:
    command = "Command 'train.py --config must_be_invalid' returned non-zero exit status 1."
    assert (
        cause("unheard_of.CalledProcessError", command, "unheard_of/run.py", "raise CalledProcessError(") == "unknown"
    )
    assert cause("TimeoutExpired", command, "../subprocess.py", "raise TimeoutExpired(") == "none"
