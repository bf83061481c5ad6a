"""Ranks, times and levels are taken off a line; what only looks like them stays."""

from __future__ import annotations

import pytest

from postmortem.log_prefix import strip_prefix


@pytest.mark.parametrize(
    ("text", "rank", "body"),
    [
        ("[rank3]: RuntimeError: x", 3, "RuntimeError: x"),
        ("[rank12]:   File", 12, "  File"),
        ("[default2]:Traceback", 2, "Traceback"),
        ("7: Traceback", 7, "Traceback"),
        ("rank 1: killed", 1, "killed"),
        ("[1,4]<stderr>:oops", 4, "oops"),
        ("(RayWorker pid=4321) oops", None, "oops"),
    ],
)
def test_ranks(text: str, rank: int | None, body: str) -> None:
    parts = strip_prefix(text)
    assert (parts.rank, parts.body.rstrip()) == (rank, body)
    assert parts.label


@pytest.mark.parametrize(
    "text", ["[ranking]: x", "12:30 is lunch", "rank of the matrix: 3", "[3, 4] values", "ranked 3: x"]
)
def test_no_ranks(text: str) -> None:
    parts = strip_prefix(text)
    assert (parts.rank, parts.body, parts.label) == (None, text, "")


@pytest.mark.parametrize(
    ("text", "level", "body"),
    [
        ("2026-11-22 22:06:04,655 ERROR boom", "ERROR", "boom"),
        ("Nov-22 22:06:04.655 [main] DEBUG nextflow.Session - boom", "DEBUG", "boom"),
        ("févr.-03 11:08:43.129 [Task monitor] WARN  n.processor.TaskPollingMonitor - boom", "WARN", "boom"),
        ("2026-11-22 22:06:04,655 ERROR a.b - boom", "ERROR", "a.b - boom"),
        ("2026-11-22 22:06:04,655  pipeline  ERROR    boom", "ERROR", "boom"),
        ("[2026-11-22 22:06:04,655][__main__][ERROR] - boom", "ERROR", "boom"),
        ("2026-11-22 22:06:04.655 | WARNING  | mod:f:3 - boom", "WARNING", "mod:f:3 - boom"),
        ("2026-11-22 22:06:04,655 - pkg.mod - INFO - boom", "INFO", "boom"),
        ("ERROR:root:boom", "ERROR", "boom"),
        ("[INFO] boom", "INFO", "boom"),
        ("[rank1]:[E1122 10:00:00.123 ProcessGroupNCCL.cpp:563] boom", "ERROR", "boom"),
        ("W1122 10:00:00.123 12 torch/x.py:3] boom", "WARNING", "boom"),
    ],
)
def test_levels(text: str, level: str, body: str) -> None:
    parts = strip_prefix(text)
    assert (parts.level, parts.body.strip()) == (level, body)


@pytest.mark.parametrize("text", ["ERRORS: 3 of 5", "Information: x", "errors:found", "E11 is a key", "Wednesday"])
def test_no_levels(text: str) -> None:
    parts = strip_prefix(text)
    assert (parts.level, parts.body) == ("", text)


def test_a_time_without_a_level() -> None:
    parts = strip_prefix("2026-11-22T22:06:04Z training started")
    assert (parts.level, parts.body) == ("", "training started")
    assert parts.time.startswith("2026-11-22T22:06:04")
    assert strip_prefix("").body == ""


def test_an_error_made_bold_where_it_was_pasted() -> None:
    assert strip_prefix("**omegaconf.errors.ConfigKeyError: Missing key lr**").body == (
        "omegaconf.errors.ConfigKeyError: Missing key lr"
    )
    for text in ("***** Running training *****", "**Note** this error", "** WARNING **"):
        assert strip_prefix(text).body == text
