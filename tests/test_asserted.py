"""What a check of a setting asks for is the first thing to do."""

from __future__ import annotations

from typing import Any

import pytest
from test_exception_types import raised

from postmortem.analyze.exceptions.classify import classify
from postmortem.analyze.remedies.asserted import wanted
from postmortem.facts import Frame


@pytest.mark.parametrize(
    ("source", "values", "words"),
    [
        ("assert params.word_blank == 0", {"word_blank": 0}, "word_blank to be 0: start it with --word_blank 0"),
        ("assert args.heads > 0, 'no heads'", {"heads": 1}, "heads to be above 0"),
        ("assert self.cfg.model.layers <= 6", {"layers": 6}, "layers to be at most 6"),
        ("assert config['mode'] in ('fit', 'test')", None, "mode to be one of 'fit', 'test': set it so"),
        ("assert opt.data is not None", None, "data to be given"),
        ("assert not args.resume", {"resume": False}, "resume to be off"),
        ("assert args.a == 1 and args.b == 'x y'", {"a": 1, "b": "x y"}, "--a 1 --b 'x y'"),
    ],
)
def test_a_comparison_with_a_value(source: str, values: dict[str, Any] | None, words: str) -> None:
    fix = wanted(source, "/p/train.py", 40)
    assert fix is not None
    assert fix.config == values
    assert words in fix.text
    assert (fix.file, fix.line) == ("/p/train.py", 40)


@pytest.mark.parametrize(
    "source",
    [
        "assert args.batch % devices == 0",
        "assert x.shape == (3, 4)",
        "assert args.width == encoder.width",
        "assert args.path",
        "raise ValueError(args.mode)",
        "assert args.lr ==",  # cut off
        "assert args.a == 1 or args.b == 2",
    ],
)
def test_what_tells_no_value(source: str) -> None:
    assert wanted(source) is None


def test_it_is_the_fix_of_a_refused_setting() -> None:
    check = Frame("/p/train.py", 40, "check", "assert params.word_blank == 0", 4, True)
    finding = classify(raised("AssertionError", "", check))
    assert finding is not None
    assert (finding.id, finding.fix[0].config) == ("config.invalid", {"word_blank": 0})
