"""Cleaning of lines: what a terminal would not show goes, what it would show stays."""

from __future__ import annotations

import pytest

from postmortem.text import clean, one_line

ESC = b"\x1b"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[31mRuntimeError\x1b[0m: x", "RuntimeError: x"),
        (b"\x1b[38;2;10;20;30mred\x1b[K", "red"),
        (b"\x1b(B\x1b[mplain", "plain"),  # tput sgr0
        (b"\x1b7saved\x1b8", "saved"),
        (b"\x1b]0;window title\x07text", "text"),
        (b"\x1b]8;;https://x.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"a\x00b\x07c\x08d", "abcd"),
        ("\ufeffzero\u200b-\u200dwidth\u2060".encode(), "zero-width"),
        ("abc\u202etxt.exe\u202c\u200f".encode(), "abctxt.exe"),
        ("line\u2028separator".encode(), "lineseparator"),
        (b"\xff\xfeU\x00T\x00F\x00", "\ufffd\ufffdUTF"),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_invisible_characters_are_removed(raw: bytes, text: str) -> None:
    assert clean(raw) == text


@pytest.mark.parametrize(
    "text",
    [
        "x[31m is not a code",
        "tab\tstays",
        "Größe 3 µm — 完成 █▌",
        "arr[0m] = (B",
        "[2024-01-01 10:00:00] ok",
    ],
)
def test_visible_characters_stay(text: str) -> None:
    assert clean(text.encode()) == text


def test_an_unfinished_code_costs_only_itself() -> None:
    assert clean(ESC + b"[") == "["
    assert clean(ESC + b"]no end of this title") == "no end of this title"


def test_one_line_joins_and_cuts() -> None:
    assert one_line("a\n  b\tc", 20) == "a b c"
    assert one_line("x" * 30, 10) == "x" * 9 + "…"
    assert one_line("x" * 10, 10) == "x" * 10
