"""Logs made of the raise statements of a library, and how their diagnoses are counted."""

from __future__ import annotations

import json
import random
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from library_logs import drawn, log_of
from library_measurement import answers, labels_of, summary
from library_raises import Raise, raises_of

MODULE = """
import warnings
from .errors import OddError


class Reader:
    def __init__(self, pace):
        if pace not in PACES:
            raise ValueError(f"Unknown pace {pace!r}, it must be one of {allowed_paces}")

    def _rows(self, file_path):
        message = "The table in %s has " % file_path + "no header: {}".format(file_path)
        raise OddError(message)

    def read(self):
        return self._rows(self.path)

    def later(self):
        raise NotImplementedError("a subclass must implement it")

    def tries(self):
        try:
            raise KeyError("is tried again with other words")
        except KeyError:
            return None

    def again(self, error):
        raise error

    def short(self, pace):
        raise ValueError(f"{pace}!")
"""


@pytest.fixture
def statements() -> list[Raise]:
    return list(raises_of("oddlib/io/reader.py", MODULE))


def test_what_can_end_a_run_is_read(statements: list[Raise]) -> None:
    assert [(one.type, one.function, one.owner) for one in statements] == [
        ("ValueError", "__init__", "Reader"),
        ("oddlib.io.errors.OddError", "_rows", "Reader"),
    ]
    assert statements[0].message == "Unknown pace 'foo', it must be one of ['mean', 'sum', 'none']"
    assert statements[1].message == "The table in /home/u/proj/data/train has no header: /home/u/proj/data/train"
    assert statements[1].caller
    assert statements[1].caller.function == "read"


def test_a_log_ends_in_the_library(statements: list[Raise]) -> None:
    log = log_of(statements[1], random.Random(1)).splitlines()
    assert log[0] == "Seed set to 42"
    assert [line.split(", in ")[1] for line in log if line.startswith("  File ")] == [
        "<module>",
        "main",
        "read",
        "_rows",
    ]
    assert log[-3].endswith('/site-packages/oddlib/io/reader.py", line 13, in _rows')
    assert log[-2:] == ["    raise OddError(message)", f"oddlib.io.errors.OddError: {statements[1].message}"]


def test_answers_are_counted(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "oddlib-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("oddlib/io/reader.py", MODULE)
        wheel.writestr("oddlib/tests/test_reader.py", MODULE)
    # Of one library there is no other one to be drawn from: its largest share is all there is.
    dice = random.Random(1)
    some = drawn(tmp_path, 25, dice)
    assert len(some) == 2
    origins = {one.function: f"{one.file}:{one.line}" for one in some}
    (tmp_path / "origins.json").write_text(json.dumps(origins))
    for one in some:
        (tmp_path / f"{one.function}.err").write_text(log_of(one, dice))
    (tmp_path / "labels").write_text(
        f"{origins['__init__']} config.invalid|code.bug  # refused\n{origins['_rows']} data.empty\nb.py:1 unknown\n"
    )
    found = answers(tmp_path, labels_of([tmp_path / "labels"]), every=False)
    assert (found[0].name, found[0].verdict) == ("__init__", "right")
    assert summary(found).startswith("2 labelled logs: right 0.500 (1)")
