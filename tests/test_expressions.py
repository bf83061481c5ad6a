"""No expression of ours takes long on a line that was made to keep it busy: two quadratic ones once took seconds."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from timing import seconds

import postmortem

LINE = 4_000  # twice what is kept of a line, so that quadratic and linear are far apart on any machine
TIMES = 2.0  # a plain quadratic expression; linear ones take a sixth of that, those that once took seconds 100 times
UNITS = r"""
1|a|:|[|(| |.|-|_|=|/|"|'|+|<|~^|1.|1:|a.|a:|a=|key=value |a/|../|[a]|[1] |12:34:56 |2024-01-01 10:00:00 |[00:00<
10% |1 of 1 |1/1 [00:00|rank 1: |Error|Error: |a.B.|File "a", line 1, |loss: 1 |step 1 |epoch |http://|a://b:c|token
token=|secret.|password_|wandb login |bearer a|eyJaaaaaaaaaa.|sk-|feature |expect |CUDA |ids |labels |no data |batch
a_b |x() |f('a') |rule |{'a': |- a |INFO |[INFO] |::
"""
STARTS = ["", "2024-01-01 10:00:00 "]
END = "!"


def expressions() -> Iterator[tuple[str, Any, str]]:
    """Every compiled expression of the package by name, with the method that the package calls."""
    files = {Path(folder) for folder in postmortem.__path__}
    source = "".join(path.read_text(encoding="utf-8") for folder in files for path in sorted(folder.rglob("*.py")))
    for module in pkgutil.walk_packages(postmortem.__path__, "postmortem."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for index, expression in enumerate(_within(value)):
                methods = set(re.findall(rf"\b{name}\.(\w+)\(", source))
                method = "match" if methods and methods <= {"match", "fullmatch"} else "search"
                yield f"{module.name}.{name}[{index}]", expression, method


def _within(value: Any) -> list[Any]:
    if isinstance(value, re.Pattern):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [found for item in value for found in _within(item)] if isinstance(value, list | tuple) else []


@pytest.fixture(scope="module")
def quadratic() -> float:
    """CPU seconds of an expression that looks for the end of the word from each of its letters."""
    expression, line = re.compile(r"\w+="), "a" * LINE
    return seconds(lambda: expression.search(line), tries=5)


@pytest.mark.parametrize(
    ("name", "expression", "method"), [pytest.param(*found, id=found[0]) for found in expressions()]
)
def test_takes_no_time(name: str, expression: Any, method: str, quadratic: float) -> None:
    slow = {}
    for unit in [*UNITS.strip("\n").replace("\n", "|").split("|"), "|", "\t", "\x1b[", "\x1b]"]:
        for start in STARTS if len(unit) < 3 else STARTS[:1]:
            line: str | bytes = start + (unit * (LINE // len(unit) + 1))[:LINE] + END
            line = line.encode() if isinstance(expression.pattern, bytes) else line
            search = functools.partial(getattr(expression, method), line)
            if seconds(search, tries=1) > TIMES * quadratic and (took := seconds(search)) > TIMES * quadratic:
                slow[start + unit] = round(took / quadratic)
        if slow:
            break
    assert not slow, f"{name} takes so many times as long as a quadratic one: {slow}"
