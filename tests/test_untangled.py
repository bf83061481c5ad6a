"""Tracebacks that ranks wrote into one stream at once, piece by piece."""

from __future__ import annotations

import linecache
import re
import traceback
from pathlib import Path

import pytest
from replay import diagnose_text

from postmortem.collect.logs.untangled import untangled
from postmortem.facts import Line

PROGRAM = """\
def load():
    raise {raised}
load()
"""
# As Python up to 3.12 writes a traceback: a frame's place, its indentation, its source, the end of a line; the type,
# the colon, the message.
PIECES = re.compile(r"(?m)^  File .*\n|^    (?=\S)|(?<=^    )\S.*|^[\w.]+(?=: )|(?<=\w): |(?<=: ).*|^.*\n|\n")


def printed(raised: str) -> str:
    """What Python prints when the program fails."""
    source = PROGRAM.format(raised=raised)
    linecache.cache["train.py"] = (len(source), None, source.splitlines(keepends=True), "train.py")
    try:
        exec(compile(source, "train.py", "exec"), {})
    except Exception as error:
        within = error.__traceback__.tb_next if error.__traceback__ else None
        text = "".join(traceback.format_exception(type(error), error, within))
    return re.sub(r"(?m)^\s*[~^]+\n", "", text)


def by_ranks(text: str, ranks: int) -> str:
    """The same of so many processes that write in step."""
    return "".join(piece * ranks for piece in PIECES.findall(text))


@pytest.mark.parametrize("ranks", [2, 3, 4])
@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        ('KeyError("learning_rate")', "code.bug"),
        ('MemoryError("of the machine")', "host.oom"),
        ('__import__("sqlite3").OperationalError("database is locked")', "tracking.database"),
    ],
)
def test_it_is_read_as_one(raised: str, cause: str, ranks: int, tmp_path: Path) -> None:
    text = by_ranks(printed(raised), ranks)
    assert "ErrorKey" in text or "ErrorMemory" in text or "ErrorOperational" in text or "sqlite3.Op" in text
    found = diagnose_text(text, tmp_path)
    assert found["root_cause"]["id"] == cause
    lines = text.split("\n")
    for item in found["evidence"]:
        if item["line"]:
            assert item["text"].split("\n")[0] in lines[item["line"] - 1]


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last):",
        "KeyError: 'lr'",
        "loss 0.5 0.5 0.5 0.5",
        "==========",
        "ValueErrorValueErrors: are counted",
    ],
)
def test_a_log_of_one_process_stays_as_it_is(text: str) -> None:
    lines = [Line(1, text), Line(2, text)]
    assert untangled(lines) is lines
