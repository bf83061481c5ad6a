"""The place in the project's own code in a first fix, and what else the log tells for one: the node, what was said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from replay import diagnose_text

from postmortem.analyze.remedies.environment import node_of
from postmortem.analyze.remedies.own_code import advised
from postmortem.facts import Line, Log, RunFacts, SlurmJob, Source

HEAD = "Traceback (most recent call last):\n"
OWN = '  File "/home/ana/net/train.py", line 12, in fit\n    '
LIBRARY = '  File "/home/ana/env/lib/python3.11/site-packages/esm/data.py", line 90, in encode\n    '
ASSERT = (
    "/pytorch/aten/src/ATen/native/cuda/Loss.cu:245: nll_loss_forward: block: [0,0,0], thread: [1,0,0] "
    "Assertion `t >= 0 && t < n_classes` failed.\n"
)
LATE = "RuntimeError: CUDA error: device-side assert triggered\n"


def first_fix(text: str, folder: Path) -> dict[str, Any]:
    first: dict[str, Any] = diagnose_text(text, folder)["fix"][0]
    return first


def test_a_check_of_the_project_is_told_in_its_own_words(tmp_path: Path) -> None:
    first = first_fix(f'{HEAD}{OWN}raise ValueError(f"no fold {{n}}")\nValueError: no fold 7.\n', tmp_path)
    assert "“no fold 7”" in first["text"] and (first["file"], first["line"]) == ("/home/ana/net/train.py", 12)


def test_a_key_that_a_library_lacks_is_named(tmp_path: Path) -> None:
    text = f"{HEAD}{OWN}ids = alphabet.encode(s)\n{LIBRARY}return self.table[token]\nKeyError: 'J'\n"
    first = first_fix(text, tmp_path)
    assert "The key 'J'" in first["text"] and first["line"] == 12


def test_what_a_library_refuses_is_said_at_the_place_that_passes_it_on(tmp_path: Path) -> None:
    library = LIBRARY.replace("esm/data.py", "scipy/signal.py")
    text = f"{HEAD}{OWN}taps = design(order)\n{library}raise ValueError(m)\nValueError: 3 is invalid for `order`.\n"
    first = first_fix(text, tmp_path)
    assert "train.py, line 12 in fit passes on: 3 is invalid for `order`." in first["text"] and first["line"] == 12


def test_an_assert_of_a_kernel_has_the_place_where_it_came_to_light(tmp_path: Path) -> None:
    first = first_fix(f"{ASSERT * 3}{HEAD}{OWN}loss.item()\n{LATE}", tmp_path)
    assert "classes" in first["text"] and "came to light at /home/ana/net/train.py, line 12" in first["text"]


def test_a_missing_file_is_asked_for_at_a_place(tmp_path: Path) -> None:
    text = f"{HEAD}{OWN}open(path)\nFileNotFoundError: [Errno 2] No such file or directory: 'runs/fold_3/scores.csv'\n"
    first = first_fix(text, tmp_path)
    assert "runs/fold_3/scores.csv" in first["text"] and first["line"] == 12, first


def test_what_a_package_calls_is_mended_by_another_release_and_not_in_the_line_that_imports_it(tmp_path: Path) -> None:
    said = "TypeError: load() missing 1 required positional argument: 'Loader'\n"
    library = LIBRARY.replace("esm/data.py", "dask/config.py")
    first = first_fix(f"{HEAD}{OWN}import skimage\n{library}data = yaml.load(f.read()) or {{}}\n{said}", tmp_path)
    assert "pyyaml<6" in first["command"] and not first["text"].startswith("Or ")
    first = first_fix(f"{HEAD}{OWN}data = yaml.load(f.read())\n{said}", tmp_path)
    assert "+data = yaml.safe_load(f.read())" in first["diff"]


def test_a_name_that_a_package_asks_another_one_for_is_met_by_its_upgrade(tmp_path: Path) -> None:
    library = LIBRARY.replace("esm/data.py", "ktrain/imports.py")
    first = first_fix(f"{HEAD}{library}from bars import master\nImportError: cannot import name 'master'\n", tmp_path)
    assert first["command"].endswith("-m pip install --upgrade ktrain")


@pytest.mark.parametrize(
    ("given", "now", "diff"),
    [
        ("True", "write `precision=16`", "+trainer = Trainer(fast, precision=16)"),
        ("False", "leave `use_amp` out", "+trainer = Trainer(fast)"),
        ("args.amp", "write `precision=16`", ""),  # nobody knows whether it was on
    ],
)
def test_a_switch_that_was_off_is_left_out(given: str, now: str, diff: str, tmp_path: Path) -> None:
    inside = LIBRARY.replace("esm/data.py", "pytorch_lightning/trainer/connectors/env_vars_connector.py")
    said = "TypeError: __init__() got an unexpected keyword argument 'use_amp'\n"
    text = f"{HEAD}{OWN}trainer = Trainer(fast, use_amp={given})\n{inside}return fn(self, **kwargs)\n{said}"
    first = first_fix(text, tmp_path)
    assert now in first["text"] and diff in (first.get("diff") or ""), first
    assert diff or not first.get("diff")


def test_a_name_that_mlflow_takes(tmp_path: Path) -> None:
    own = f"{HEAD}{OWN}mlflow.log_metric(name, 0.5)\n"
    for said in ("Invalid metric name: 'eval/acc.top@1 (%)'. Names", "Invalid metric name: 'eval/acc.top@1 (%)'"):
        first = first_fix(f"{own}mlflow.exceptions.MlflowException: {said}\n", tmp_path)
        assert "`eval/acc.top_1 ___` instead of" in first["text"], first


def test_a_key_is_not_meant_by_what_the_same_line_sets(tmp_path: Path) -> None:
    text = f"{HEAD}{OWN}info['filename'] = info['file_name']\nKeyError: 'file_name'\n"
    assert "Write `filename`" not in first_fix(text, tmp_path)["text"]


def test_a_record_without_the_key_is_the_files_fault(tmp_path: Path) -> None:
    own = OWN.replace("in fit", "in load_annotations")
    found = diagnose_text(f"{HEAD}{own}name = info['file_name']\nKeyError: 'file_name'\n", tmp_path)
    assert found["root_cause"]["id"] == "data.malformed"


def test_who_started_another_program_does_not_know_why_it_failed(tmp_path: Path) -> None:
    text = f"{HEAD}{OWN}raise ValueError(words)\nValueError: the job of fold 3 failed, see its log\n"
    assert diagnose_text(text, tmp_path)["root_cause"]["id"] == "unknown"


def test_a_question_without_a_terminal(tmp_path: Path) -> None:
    first = first_fix(f"{HEAD}{OWN}note = input('Notes: ')\nOSError: [Errno 9] Bad file descriptor\n", tmp_path)
    assert "isatty" in first["text"]


def test_what_a_cancelled_run_had_said_before_is_second(tmp_path: Path) -> None:
    failed = f"{HEAD}{OWN}x = table['a']\nKeyError: 'a'\n"
    ended = "slurmstepd: error: *** JOB 4711 ON gpu07 CANCELLED AT 2026-03-02T10:10:10 ***\n"
    fixes = diagnose_text(failed + "Epoch 3 loss 0.3\n" * 3 + ended, tmp_path)["fix"]
    assert "job=4711" in fixes[0]["command"] and "said before" in fixes[1]["text"] and "'a'" in fixes[1]["text"]


def test_a_second_word_of_the_scheduler_is_nothing_that_the_run_said(tmp_path: Path) -> None:
    said = "slurmstepd: error: *** JOB 4711 ON gpu07 CANCELLED AT 2026-03-02T10:10:10"
    fixes = diagnose_text(f"Epoch 3 loss 0.3\n{said} DUE TO TIME LIMIT ***\n{said} ***\n", tmp_path)["fix"]
    assert "--time" in fixes[0]["text"] and not any("said before" in fix["text"] for fix in fixes)


@pytest.mark.parametrize(
    ("lines", "node"),
    [
        (["srun: error: gpu07: task 0: Exited with exit code 1"], "gpu07"),
        (["Running on: gpu07", "slurmstepd: error: *** JOB 1 ON gpu07 CANCELLED AT 2026 ***"], "gpu07"),
        (["srun: error: gpu07: task 0: Exited", "srun: error: gpu08: task 1: Exited"], ""),
        (["srun: error: Unable to create step"], ""),
    ],
)
def test_the_node_that_a_log_names(lines: list[str], node: str) -> None:
    log = Log(Source("slurm.err"), "stderr", lines=[Line(n, text) for n, text in enumerate(lines, 1)])
    assert node_of(RunFacts(run="d/r", directory="d/r", logs=[log])) == node
    job = SlurmJob("7", node="cpu01")
    assert node_of(RunFacts(run="d/r", directory="d/r", logs=[log], slurm_jobs=[job])) == "cpu01"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Tensorboard already patched. Call `x.unpatch()` first; remove `sync=True` from `init`.",
         "call `x.unpatch()` first; remove `sync=True` from `init`"),
        ("Expected 2D array, got 1D.\nReshape your data", ""),
        ("Please report this bug to the developers.", ""),
        ("size {n} is wrong, use {m} instead", "use {m} instead"),
        ("the set of users is empty", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_what_a_message_tells_to_do(message: str, said: str) -> None:
    assert advised(message) == said
