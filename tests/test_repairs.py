"""Repairs edit where the mistake stands, and are silent where more than one place or name may be meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import facts_of, make_run
from whole_chain import diagnosed, failed

from postmortem.analyze.remedies.code import edited, inserted, with_argument
from postmortem.analyze.remedies.repairs import files, settings
from postmortem.analyze.remedies.repairs.case import Case, nearest, replaced
from postmortem.facts import CodeFrame, Frame, Line, NamedFile, RaisedException, RunFacts

RUN = "set_01/first"


def first_fix(root: Path, log: str) -> dict[str, object]:
    """The first fix of a failed run with that log, in a project that is there."""
    failed(make_run(root, RUN, stderr=log))
    fix: dict[str, object] = diagnosed(root, RUN)["fix"][0]
    return fix


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("learning_rte", ["learning_rate", "epochs"], "learning_rate"),
        ("batchsize", ["batch_size", "max_epochs"], "batch_size"),
        ("trian", ["train", "evaluate"], "train"),
        ("lr", ["epochs", "seed"], ""),
        ("fold_1", ["fold_2", "fold_3"], ""),  # both are as near
        ("iteritems", ["sort_values"], ""),
    ],
)
def test_a_name_is_meant_only_if_it_is_near_and_alone(name: str, known: list[str], meant: str) -> None:
    assert nearest(name, known) == meant


def test_whole_words_are_replaced() -> None:
    assert (
        replaced("train(batchsize=4, batchsizes=2)", "batchsize", "batch_size") == "train(batch_size=4, batchsizes=2)"
    )
    assert replaced("x = config", "lr", "rate") == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("state = torch.load(path)", "state = torch.load(path, map_location=1)"),
        ("f(torch.load(open(')'), 2), 3)", "f(torch.load(open(')'), 2, map_location=1), 3)"),
        ("state = torch.load(", "state = torch.load("),  # it ends on another line
        ("torch.load(path, map_location=2)", "torch.load(path, map_location=2)"),
        ("torch.load()", "torch.load(map_location=1)"),
    ],
)
def test_an_argument_is_added_to_a_call_that_lacks_it(line: str, expected: str) -> None:
    assert with_argument(line, r"torch\.load", "map_location=1") == expected


def test_what_a_library_lost_is_edited_around_the_line_too() -> None:
    lines = [Line(3, "a = time.clock()"), Line(4, "b = 1"), Line(5, "c = time.clock() - a")]
    code = CodeFrame("bench.py", 3, "f", lines)
    edit = {"replace": r"time\.clock", "by": "time.perf_counter"}
    made = edited(Frame("/p/bench.py", 3, "f", "a = time.clock()"), [code], edit, around=True)
    assert made.count("@@ -") == 2 and "+c = time.perf_counter() - a" in made
    assert inserted("a.py", 2, "import os").endswith("@@ -1,0 +2 @@\n+import os")


def test_a_word_of_the_job_script_is_corrected_where_it_stands_once(tmp_path: Path) -> None:
    said = "usage: train.py [-h] [--batch-size N]\ntrain.py: error: unrecognized arguments: --batchsize 16\n"
    (tmp_path / "job.sh").write_text("#!/bin/bash\npython train.py --batchsize 16\n")
    fix = first_fix(tmp_path, said)
    assert str(fix["diff"]).splitlines()[-1] == "+python train.py --batch-size 16"
    (tmp_path / "other.sh").write_text("python train.py --batchsize 16\n")
    assert not first_fix(tmp_path, said)["diff"]


def test_a_line_that_is_not_the_projects_is_no_place(tmp_path: Path) -> None:
    """The own frame stands in the exception that was raised while the library's own was handled."""
    log = (
        "Traceback (most recent call last):\n"
        '  File "/env/lib/python3.11/site-packages/pandas/core/indexes/base.py", line 3805, in get_loc\n'
        "    return self._engine.get_loc(casted_key)\n"
        "KeyError: 'Speed'\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n"
        f'  File "{tmp_path}/load.py", line 2, in <module>\n'
        '    speed = frame["Speed"]\n'
        '  File "/env/lib/python3.11/site-packages/pandas/core/frame.py", line 4102, in __getitem__\n'
        "    indexer = self.columns.get_loc(key)\n"
        "KeyError: 'Speed'\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("time,speed\n0,1\n")
    (tmp_path / "load.py").write_text('frame = read("data/rows.csv")\nspeed = frame["Speed"]\n')
    fix = first_fix(tmp_path, log)
    assert str(fix["diff"]).splitlines()[-1] == '+speed = frame["speed"]'


@pytest.mark.parametrize("name", ["$(touch x).ckpt", "-rf", "a b.ckpt"])
def test_hostile_names_stay_words(tmp_path: Path, name: str) -> None:
    from postmortem.analyze.remedies.repairs.files import _aside

    command = _aside(name, "It is empty").command or ""
    assert command.startswith("mv ") and "$(touch" not in command.replace("'$(touch x).ckpt", "")
    assert " -rf" not in command


def case_of(facts: RunFacts, message: str, source: str = "") -> Case:
    """A mistake in line 2 of the project's train.py."""
    raised = RaisedException("RuntimeError", message, [Frame("train.py", 2, "<module>", source, own=True)], 1, 4)
    return Case(facts, None, raised)


@pytest.mark.parametrize(("name", "fixed"), [("train.lock", True), (".lock", True), ("block.csv", False)])
def test_only_a_lock_is_deleted_for_being_there(name: str, fixed: bool) -> None:
    facts = facts_of()
    facts.named_files = [NamedFile(f"data/{name}", f"data/{name}", "file")]
    fix = files.lock(case_of(facts, f"data/{name} already exists"))
    assert (fix.command if fix else None) == (f"rm data/{name}" if fixed else None)


def test_a_number_in_quotes_is_blamed_only_by_its_name() -> None:
    facts = facts_of(config={"hidden": "64"})
    message = "'str' object cannot be interpreted as an integer"
    blamed = settings.text_for_a_number(case_of(facts, message, "layers = range(config['hidden'])"))
    assert blamed and blamed.config == {"hidden": 64}
    assert settings.text_for_a_number(case_of(facts, message, "for epoch in range(epochs):")) is None


def test_a_script_is_known_by_whole_names(tmp_path: Path) -> None:
    """`rain.sh` is another script than `train.sh`, although its name ends so."""
    (tmp_path / "train.sh").write_text("pyhton train.py\n")
    assert not first_fix(tmp_path, "rain.sh: line 1: pyhton: command not found\n")["diff"]
    assert "+python train.py" in str(first_fix(tmp_path, "./train.sh: line 1: pyhton: command not found\n")["diff"])


NOT_THERE = """Traceback (most recent call last):
  File "{root}/jobs/../src/load.py", line 2, in <module>
    rows = read(cfg)
FileNotFoundError: [Errno 2] No such file or directory: '{path}'
"""


@pytest.mark.parametrize(
    ("config", "path", "set_"),
    [
        ({"root": "../data"}, "../data/ecg.npz", {"root": "data"}),
        ({"file": "../data/ecg.npz"}, "../data/ecg.npz", {"file": "data/ecg.npz"}),
        ({"root": "/home/old/project/data"}, "/home/old/project/data/ecg.npz", {"root": "data"}),
    ],
)
def test_a_path_that_leads_elsewhere_is_set_to_where_the_file_lies(
    tmp_path: Path, config: dict[str, str], path: str, set_: dict[str, str]
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "load.py").write_text("cfg = 1\nrows = read(cfg)\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ecg.npz").write_bytes(b"PK")
    failed(make_run(tmp_path, RUN, stderr=NOT_THERE.format(root=tmp_path, path=path), config=config))
    found = diagnosed(tmp_path, RUN)
    assert found["fix"][0]["config"] == set_
    assert "data/ecg.npz is there in the project" in found["root_cause"]["explanation"]
    assert "never put there" not in found["root_cause"]["explanation"]
    assert found["code"][0]["file"] == "src/load.py"


def test_a_file_of_the_same_name_elsewhere_is_another_one(tmp_path: Path) -> None:
    """Of an absolute path more than the last name has to agree."""
    (tmp_path / "train.csv").write_text("a\n1\n")
    failed(make_run(tmp_path, RUN, stderr=NOT_THERE.format(root=tmp_path, path="/scratch/imagenet/train.csv")))
    assert "train.csv is there in the project" not in diagnosed(tmp_path, RUN)["root_cause"]["explanation"]
