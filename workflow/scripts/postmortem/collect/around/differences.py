"""What differs between a run and one that went well: configuration, versions, code, weights, lines of the logs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ...facts import READ, Checkpoint, Config, Difference, Line, Log, TensorFacts
from ...git import GitRepository
from ...redaction import redact
from ..logs.statements import ERROR, EXCEPTION, LINE, WARNING, statements_of

NEW_LINES = 8
TEMPLATE_CHARACTERS = 160
NOT_SET = "not set"
WEIGHTS_APART = 10.0  # factor between the values of a layer in two runs; good ones differ by 2 or 3
MOST_LAYERS = 5  # that are named; in a broken model it is all of them
# Keys that differ between two attempts by what they are, not by what was done to them …
_STAMP = re.compile(
    r"(?:^|[._])(?:timestamp|created(?:_at)?|started_at|run_?id|uuid|hostname|pid|git_\w{1,40})$|\w_version$"
)
# … and those that differ between two runs.
_NAME = re.compile(
    r"(?:^|\.)(?:seed|dataset|run_?name|experiment(?:_name)?|model_size|[^.]*_(?:path|dir|root|id|name))$"
)
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?|'[^']*'|\"[^\"]*\"|/\S+")
_VERSION = re.compile(
    r"\b(?P<name>(?:py)?torch|lightning|pytorch[_-]lightning|(?:torch|pytorch)[_-]geometric|numpy|pandas|mlflow|cuda|"
    r"transformers|python)(?: version)?[ =:v]{1,3}(?P<version>\d+\.\d+[\w.+]*)",
    re.I,
)
_PINNED = re.compile(r"^\s*(?P<name>[A-Za-z][\w.-]{1,40})==(?P<version>\d[\w.+]*)\s*$")
_TELLING = (EXCEPTION, ERROR, WARNING, LINE)  # in this order, where there are too many
_TABLE = re.compile(r"\W*$|\||\d+ +\|")  # a summary of another model, row by row
_VERSION_KEY = re.compile(r"(?:^|\.)(?:(?P<of>[\w-]+)_version|(?:versions|packages)\.(?P<below>[\w-]+))$")
_SAME_PACKAGE = {"pytorch": "torch", "pytorch-lightning": "lightning", "pytorch-geometric": "torch-geometric"}


def of_config(now: Config | None, then: dict[str, Any], *, of_sibling: bool) -> list[Difference]:
    """Keys whose values differ. A tracker may hold a part of the keys as texts: what it lacks is no difference."""
    if now is None or now.source.state != READ or not then:
        return []
    differences = []
    for key in sorted(now.values.keys() | then.keys() if of_sibling else now.values.keys() & then.keys()):
        mine, theirs = now.values.get(key), then.get(key, NOT_SET)
        value = mine.value if mine else NOT_SET
        if _STAMP.search(key) or _same(value, theirs):
            continue
        if of_sibling and _NAME.search(key) and bool(value) == bool(theirs):
            continue  # another run has other paths, but where one has a teacher the other needs one
        shown = [redact(f"{key}: {part}").removeprefix(f"{key}: ")[:200] for part in (value, theirs)]
        differences.append(Difference("config", key, shown[0], shown[1], now.source.path, mine.line if mine else None))
    return differences


def _same(mine: Any, theirs: Any) -> bool:
    if mine == theirs or str(mine).lower() == str(theirs).lower() or (mine is None and theirs in ("null", "")):
        return True
    try:
        return float(mine) == float(theirs)
    except (TypeError, ValueError):
        return False


def of_versions(now: dict[str, str], then: dict[str, str]) -> list[Difference]:
    """Packages that both name, with different versions."""
    common = sorted(now.keys() & then.keys())
    return [Difference("package", name, now[name], then[name]) for name in common if now[name] != then[name]]


def versions_in(logs: Iterable[Log]) -> dict[str, str]:
    """Package → version, as the logs' banners and lists of packages tell."""
    found: dict[str, str] = {}
    for log in logs:
        for line in log.lines:
            matches = list(_VERSION.finditer(line.text)) or [m for m in [_PINNED.match(line.text)] if m]
            for match in matches:
                found[_package(match["name"])] = match["version"].rstrip(".")
    return found


def versions_in_config(values: dict[str, Any]) -> dict[str, str]:
    """Package → version, as a configuration tells that records them: "torch_version", "versions.numpy"."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, str) and (match := _VERSION_KEY.search(key)):
            found[_package(match["of"] or match["below"])] = value
    return found


def _package(name: str) -> str:
    name = name.lower().replace("_", "-")
    return _SAME_PACKAGE.get(name, name)


def of_code(
    repository: GitRepository, files: list[str], then: datetime | None, now: datetime | None
) -> list[Difference]:
    """Commits that touch these files and came between what was checked out then and now."""
    if not files or then is None or (now is not None and now <= then):
        return []
    first, last = repository.commit_at(then), repository.commit_at(now)
    if not first or not last:
        return []
    commits = repository.commits_between(first, last, files)
    return [Difference("code", ", ".join(files), redact(commit), f"as in {first[:7]}", files[0]) for commit in commits]


def of_weights(now: Checkpoint, then: Checkpoint) -> list[Difference]:
    """Layers that both checkpoints have and whose values are of another order: NaN first, then the furthest apart."""
    before = {tensor.name: tensor for tensor in then.tensors}
    found: list[tuple[float, Difference]] = []
    for tensor in now.tensors:
        other = before.get(tensor.name)
        if other is None or (distance := _apart(tensor, other)) < WEIGHTS_APART:
            continue
        shown = Difference("weights", redact(tensor.name), _size_of(tensor), _size_of(other), now.source.path)
        found.append((distance, shown))
    return [difference for _, difference in sorted(found, key=lambda item: -item[0])[:MOST_LAYERS]]


def _apart(now: TensorFacts, then: TensorFacts) -> float:
    """By what factor two layers' values differ; infinite where those of one alone are not finite."""
    if bool(now.nan or now.infinite) != bool(then.nan or then.infinite):
        return math.inf
    sizes = [now.root_mean_square, then.root_mean_square]
    # Biases and the statistics of normalisation begin at 0 or 1 and go where the data are: no order to compare.
    if None in sizes or min(len(now.shape), len(then.shape)) < 2 or not any(sizes):
        return 1.0
    low, high = sorted(size or 0.0 for size in sizes)
    return high / low if low else math.inf


def _size_of(tensor: TensorFacts) -> str:
    broken = tensor.nan + tensor.infinite
    if broken:
        return f"{broken} of {math.prod(tensor.shape)} values NaN or infinite"
    return f"root mean square {tensor.root_mean_square:.2g}" if tensor.root_mean_square is not None else "finite"


def of_lines(now: list[Log], then: list[Log], names: Iterable[str]) -> tuple[list[Line], str]:
    """Statements of this run, of its first log that has any, that no log of the good run makes.

    Numbers, paths and the runs' own names are no difference.
    """
    own = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name) or r"(?!)")
    known = {_template(s.text, own) for log in then for s in statements_of(log)}
    if not known:
        return [], ""
    for log in now:
        if log.role not in ("stderr", "stdout", "job"):
            continue
        found: dict[str, tuple[int, Line]] = {}
        as_printed = {line.number: line.text for line in log.lines}
        for statement in statements_of(log):
            key = _template(statement.text, own)
            if statement.kind in _TELLING and key not in known and not _TABLE.match(statement.text):
                line = Line(statement.line, as_printed.get(statement.line) or statement.text.split("\n")[0])
                found.setdefault(key, (_TELLING.index(statement.kind), line))
        if found:
            chosen = sorted(found.values(), key=lambda item: (item[0], item[1].number))[:NEW_LINES]
            return sorted((line for _, line in chosen), key=lambda line: line.number), log.source.path
    return [], ""


def _template(text: str, own: re.Pattern[str]) -> str:
    return _NUMBERS.sub("#", own.sub("#", text.split("\n")[0]))[:TEMPLATE_CHARACTERS]
