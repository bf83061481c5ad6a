"""No expression of ours takes long on a line that was made to keep it busy: two quadratic ones once took seconds."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import postmortem

LINE = 4_000  # twice what is kept of a line, so that quadratic and linear are far apart on any machine
MILLISECONDS = 60.0  # linear ones take less than five, quadratic ones a hundred and more
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


def milliseconds(method: Any, line: str | bytes) -> float:
    """The best of a few tries: the machine is busy with other things as well."""
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        method(line)
        best = min(best, (time.perf_counter() - started) * 1_000)
        if best < MILLISECONDS:
            break
    return best


@pytest.mark.parametrize(
    ("name", "expression", "method"), [pytest.param(*found, id=found[0]) for found in expressions()]
)
def test_takes_no_time(name: str, expression: Any, method: str) -> None:
    slow = {}
    for unit in [*UNITS.strip("\n").replace("\n", "|").split("|"), "|", "\t", "\x1b[", "\x1b]"]:
        for start in STARTS if len(unit) < 3 else STARTS[:1]:
            line: str | bytes = start + (unit * (LINE // len(unit) + 1))[:LINE] + END
            line = line.encode() if isinstance(expression.pattern, bytes) else line
            if (took := milliseconds(getattr(expression, method), line)) > MILLISECONDS:
                slow[start + unit] = round(took)
        if slow:
            break
    assert not slow, f"{name} takes so many ms: {slow}"
