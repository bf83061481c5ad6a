"""Frames of the project's own code: their source as it ran, who changed it, and the names that were meant."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from made_runs import facts_of
from repositories import commit, git, write

from postmortem.collect.around import nearest_names as names_module
from postmortem.collect.around.code import frames_with_source, named_in_project
from postmortem.collect.logs.scan import read_log
from postmortem.facts import CodeFrame, Frame, Log, RaisedException, Source, Traceback

STARTED = "2026-01-02 08:00:00"
OLD = "".join(f"line {i}\n" for i in range(1, 13))
NEW = OLD.replace("line 7", "line seven")


def _frames(root: Path, *places: tuple[str, int, str], started: str = STARTED, message: str = "oh") -> list[CodeFrame]:
    """Diagnose a log that was really parsed, with a traceback through these places (file, line, its source)."""
    rows = [
        f'  File "{file}", line {line}, in work\n' + (f"    {text}\n" if text else "") for file, line, text in places
    ]
    head = f"{started},123 INFO started\n" if started else ""
    log = root.parent / "slurm.err"
    log.write_text(f"{head}Traceback (most recent call last):\n{''.join(rows)}ValueError: {message}\n")
    facts = facts_of(state="failed")
    facts.logs = [read_log(log, root, "stderr")]
    return frames_with_source(root, facts)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "my project"
    commit(root, "2026-01-01T12:00:00", "begin", pipeline__train=OLD, main="import pipeline\n")
    return root


def test_five_lines_on_either_side_and_who_wrote_the_line(root: Path) -> None:
    first = git(root, "rev-parse", "HEAD")
    (frame,) = _frames(root, (f"{root}/pipeline/train.py", 7, "line 7"))
    assert (frame.file, frame.line, frame.function) == ("pipeline/train.py", 7, "work")
    assert [(line.number, line.text) for line in frame.lines] == [(i, f"line {i}") for i in range(2, 13)]
    assert frame.version == "as it is now"
    assert frame.changed_by == f"{first[:7]}, 2026-01-01, Ada: begin"


@pytest.mark.parametrize("named", ["{}/jobs/../pipeline/train.py", "../pipeline/train.py", "{}/./pipeline/train.py"])
def test_a_path_that_goes_forth_and_back_is_the_same_file(root: Path, named: str) -> None:
    (frame,) = _frames(root, (named.format(root), 7, "line 7"))
    assert (frame.file, frame.line) == ("pipeline/train.py", 7)


def test_own_frames_are_named_as_the_project_names_them(root: Path) -> None:
    assert named_in_project(root, f"{root}/jobs/../pipeline/train.py") == "pipeline/train.py"
    assert named_in_project(root, "/elsewhere/a/../train.py") == "/elsewhere/train.py"
    assert named_in_project(root, "<frozen runpy>") == "<frozen runpy>"


def test_the_file_as_it_was_when_the_run_started(root: Path) -> None:
    first = git(root, "rev-parse", "HEAD")
    commit(root, "2026-01-03T12:00:00", "better", pipeline__train=NEW)
    (frame,) = _frames(root, ("pipeline/train.py", 7, "line 7"))
    assert frame.lines[5].text == "line 7"
    assert frame.version == f"as it was in commit {first[:7]}, when the run started; the file has changed since"
    # a run that started after the change
    (frame,) = _frames(root, ("pipeline/train.py", 7, "line seven"), started="2026-01-04 08:00:00")
    assert (frame.version, frame.lines[5].text) == ("as it is now", "line seven")
    assert frame.changed_by.endswith("2026-01-03, Ada: better")


def test_changes_that_were_not_committed(root: Path) -> None:
    write(root, "pipeline/train.py", NEW)
    (frame,) = _frames(root, ("pipeline/train.py", 7, "line seven"))
    assert (frame.version, frame.lines[5].text) == ("as it is now", "line seven")
    assert frame.changed_by == "", "no commit has this line"
    # changed without a commit before and after: what ran is nowhere
    (frame,) = _frames(root, ("pipeline/train.py", 7, "line VII"))
    assert "not what ran" in frame.version and frame.lines[5].text == "line seven"


def test_a_file_that_was_removed_since(root: Path) -> None:
    git(root, "rm", "-q", "pipeline/train.py")
    commit(root, "2026-01-03T12:00:00", "gone")
    (frame,) = _frames(root, ("pipeline/train.py", 7, "line 7"))
    assert frame.lines[5].text == "line 7" and "has changed since" in frame.version


def test_line_ends_that_a_checkout_converts_are_no_change(root: Path) -> None:
    (root / "pipeline/train.py").write_bytes(OLD.replace("\n", "\r\n").encode())
    (frame,) = _frames(root, ("pipeline/train.py", 7, "line 7"))
    assert (frame.version, frame.lines[5].text) == ("as it is now", "line 7")


def test_a_project_that_was_moved(root: Path) -> None:
    (frame,) = _frames(root, ("/home/ada/old place/pipeline/train.py", 7, "line 7"))
    assert frame.file == "pipeline/train.py"
    # some other project's file of the same name
    assert _frames(root, ("/home/ada/else/main.py", 1, "import something_else")) == []
    assert _frames(root, ("/home/ada/else/main.py", 1, "")) == []


@pytest.mark.parametrize(
    "file",
    ["/usr/lib/python3.11/runpy.py", "<string>", "/elsewhere/x.py", "../secret.py", "/a/../secret.py", "notes.txt"],
)
def test_frames_outside_the_project(root: Path, file: str) -> None:
    write(root.parent, "secret.py", "password\n")
    write(root, "notes.txt", "password\n")
    assert _frames(root, (file, 1, "password")) == []


def test_a_library_inside_the_project_is_not_its_code(root: Path) -> None:
    write(root, ".venv/lib/python3.11/site-packages/torch/nn.py", "x = 1\n")
    assert _frames(root, (f"{root}/.venv/lib/python3.11/site-packages/torch/nn.py", 1, "x = 1")) == []


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "plain"
    write(root, "train.py", OLD)
    (frame,) = _frames(root, ("train.py", 7, "line 7"))
    assert (frame.version, frame.changed_by, frame.lines[5].text) == ("as it is now", "", "line 7")
    subprocess.run(["git", "init", "-q", str(root)], check=True)  # not a commit in it
    assert _frames(root, ("train.py", 7, "line 7"))[0].changed_by == ""
    (root / ".git/HEAD").write_text("nonsense")
    assert _frames(root, ("train.py", 7, "line 7"))[0].lines
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _frames(root, ("train.py", 7, "line 7"))[0].lines


def test_a_log_without_a_time_is_compared_with_what_is_checked_out(root: Path) -> None:
    (frame,) = _frames(root, ("pipeline/train.py", 7, "line 7"), started="")
    assert frame.version == "as it is now" and frame.changed_by
    write(root, "pipeline/train.py", NEW)
    (frame,) = _frames(root, ("pipeline/train.py", 7, "line 7"), started="")
    assert "which is checked out" in frame.version and frame.lines[5].text == "line 7"


def test_a_huge_file(root: Path) -> None:
    row = "x = 1  # generated\n"
    write(root, "huge.py", row * 200_000)
    (near, far) = (_frames(root, ("huge.py", number, "x = 1"))[0] for number in (7, 190_000))
    assert len(near.lines) == 11
    assert far.lines == [] and far.version == f"too large to be quoted: {len(row) * 200_000} bytes"


def test_bytes_that_are_no_text_terminal_codes_and_secrets(root: Path) -> None:
    (root / "odd.py").write_bytes(
        b'name = "caf\xe9"\n\x1b[31mred\x1b[0m = 2\npassword = "hunter2hunter2"\nraise ValueError\n'
    )
    (frame,) = _frames(root, ("odd.py", 4, "raise ValueError"))
    texts = [line.text for line in frame.lines]
    assert texts[0] == 'name = "caf\ufffd"' and texts[1] == "red = 2"
    assert "hunter2" not in texts[2] and "password" in texts[2]


def test_a_line_beyond_the_end_of_the_file(root: Path) -> None:
    (frame,) = _frames(root, ("main.py", 99, "gone()"))
    assert frame.lines == [] and "not what ran" in frame.version and frame.changed_by == ""


def test_the_innermost_frames_first_and_each_once(root: Path) -> None:
    places = [("main.py", 1, "import pipeline"), *[("pipeline/train.py", n, f"line {n}") for n in (3, 4, 5, 6)]]
    assert [frame.line for frame in _frames(root, *places, places[-1])] == [6, 5, 4]


# --- names ---------------------------------------------------------------------------------------------------------

MODEL = """
import numpy as np
from torch import nn

class Base:
    learning_rate: float = 0.1
    def configure_optimizers(self): ...

class Model(Base):
    heads = 4
    def __init__(self, hidden_dim, *, dropout=0.1):
        self.embedding = nn.Embedding(hidden_dim, 4)
        other.weights = 3
    def forward(self, batch): ...
    def encode(self, x, edge_index): ...

class Settings:
    batch_size: int = 4

def train_model(model, max_epochs=3, lr=0.1): ...

values = {"val_loss": 1, 'train_loss': 2}
parser.add_argument("--num-workers", type=int)
"""


def _names(root: Path, type_: str, message: str, keys: tuple[str, ...] = ()) -> list[str]:
    write(root, "pipeline/model.py", MODEL)
    write(root, "src/tools/graphs.py", "def build_graph(): ...\n")
    raised = RaisedException(type_, message)
    return names_module.nearest_names(root, MODEL, raised, keys)


@pytest.mark.parametrize(
    ("type_", "message", "expected"),
    [
        ("AttributeError", "'Model' object has no attribute 'embeding'", ["embedding"]),
        ("AttributeError", "'Model' object has no attribute 'configure_optimizer'", ["configure_optimizers"]),
        ("AttributeError", "'pipeline.model.Model' object has no attribute 'learnig_rate'", ["learning_rate"]),
        ("AttributeError", "type object 'Model' has no attribute 'head'", ["heads"]),
        ("AttributeError", "'Model' object has no attribute 'weight'", []),  # another object's
        ("AttributeError", "'Namespace' object has no attribute 'num_worker'", ["num_workers"]),
        ("AttributeError", "module 'pipeline.model' has no attribute 'train_modle'", ["train_model"]),
        ("AttributeError", "'NoneType' object has no attribute 'embeding'", []),
        ("AttributeError", "module 'torch' has no attribute 'tensr'", []),
        ("KeyError", "'val_los'", ["val_loss"]),
        ("builtins.KeyError", "'batchsize'", ["batch_size"]),
        ("KeyError", "'bs'", ["batch_size"]),  # by the first letters of its words
        ("KeyError", "17", []),
        ("TypeError", "Model.__init__() got an unexpected keyword argument 'hidden_dims'", ["hidden_dim"]),
        ("TypeError", "Settings.__init__() got an unexpected keyword argument 'batchsize'", ["batch_size"]),
        ("TypeError", "Model.encode() got an unexpected keyword argument 'edge_idx'", ["edge_index"]),
        ("TypeError", "train_model() got an unexpected keyword argument 'epochs'", ["max_epochs"]),
        ("TypeError", "train_model() missing 1 required positional argument: 'model'", []),
        ("NameError", "name 'train_modle' is not defined", ["train_model"]),
        ("NameError", "name 'nm' is not defined", []),
        ("NameError", "name 'pritn' is not defined. Did you mean: 'print'?", ["print"]),
        ("UnboundLocalError", "cannot access local variable 'valuess' where it is not …", ["values"]),
        ("ImportError", "cannot import name 'build_grph' from 'tools.graphs' (/x/tools/graphs.py)", ["build_graph"]),
        ("ImportError", "cannot import name 'Modell' from 'torch' (/x/torch/__init__.py)", []),
        ("ModuleNotFoundError", "No module named 'pipeline.modle'", ["pipeline.model"]),
        ("ModuleNotFoundError", "No module named 'torch_scatter'", []),
        ("RuntimeError", "'val_los'", []),
    ],
)  # fmt: skip
def test_the_nearest_name(root: Path, type_: str, message: str, expected: list[str]) -> None:
    assert _names(root, type_, message, keys=("batch_size", "lr")) == expected


def test_the_names_come_with_the_innermost_frame(root: Path) -> None:
    write(root, "pipeline/model.py", MODEL)
    frames = [Frame("main.py", 1, "work", own=True), Frame("pipeline/model.py", 12, "f", own=True)]
    raised = RaisedException("AttributeError", "'Model' object has no attribute 'embeding'", frames)
    facts = facts_of(state="failed")
    facts.logs = [Log(Source("slurm.err"), "stderr", tracebacks=[Traceback([raised], 1, 4)])]
    assert [frame.nearest_names for frame in frames_with_source(root, facts)] == [["embedding"], []]


def test_data_libraries_and_hidden_folders_are_not_searched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("data/raw", ".hidden", "env/lib", "x/node_modules"):
        write(root, f"{folder}/model.py", "class Far:\n    wanted_name = 1\n")
    write(root, "env/pyvenv.cfg", "")
    message = "'Far' object has no attribute 'wanted_nam'"
    assert _names(root, "AttributeError", message) == []
    write(root, "deep/er/model.py", "class Far:\n    wanted_name = 1\n")
    assert _names(root, "AttributeError", message) == ["wanted_name"]
    monkeypatch.setattr(names_module, "FILES_SEARCHED", 1)
    assert _names(root, "AttributeError", message) == []


@pytest.mark.parametrize("source", ["class Far(\n", "\0", "-" * 50_000 + "1", "(" * 5_000, "class Far(Far): ...\n"])
def test_sources_that_cannot_be_parsed(root: Path, source: Any) -> None:
    write(root, "odd.py", "# class Far\n" + source)
    assert _names(root, "AttributeError", "'Far' object has no attribute 'x'") == []
