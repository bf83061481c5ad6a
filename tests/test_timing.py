"""The ratios tell linear from worse, on a machine that is shared."""

from __future__ import annotations

import re

from timing import LINEAR, growth


def test_what_is_linear_grows_less() -> None:
    assert growth(re.compile(rb"a").findall, b"a" * 800_000) < LINEAR


def test_what_is_not_linear_grows_more() -> None:
    # Cubic, which is 64 times as long: one quick try of a quadratic one may come near the limit.
    assert growth(re.compile(rb"\w+\w+=").search, b"a" * 600) > LINEAR
