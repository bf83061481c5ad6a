"""Progress bars and progress lines of a program's output → curves: the last resort, and the only per-step losses.

`Epoch 3:  45%|████▌ | 9/20 [00:01<00:02, 8.1it/s, v_num=0, train_loss=nan.0]`
`Episode 50/100 reward=174 val_acc=0.36`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...facts import PARTIAL, Curve, Source
from ...files import open_file
from ...paths import relative
from ...re2_options import re2_options
from .series import Series

LARGEST_READ = 4 * 1024 * 1024  # bytes read of each end; a bar line is 150 bytes, so some 50,000 updates
MOST_METRICS = 40
FIRST_EPOCH = 1  # or 0: what counts from here again, after later ones, is another fit
LONGEST_LINE = 400  # characters of a line that are looked at and quoted
_UNITS = "epoch|episode|step|iter(?:ation)?|round"
_UNIT = re.compile(rf"\b({_UNITS})s?\b\W{{0,3}}(\d{{1,9}})(?:\s*/\s*(\d{{1,9}}))?", re.I)
_FRACTION = re.compile(r"\b(\d{1,9})/(\d{1,9})\b(?= \[)")
_PAIR = re.compile(
    r"\b([A-Za-z][\w/.]{0,40})\s{0,3}[=:]\s{0,3}([+-]?(?:\d{1,20}(?:\.\d{0,20})?(?:e[+-]?\d{1,3})?|nan|inf)(?:\.0)?)\b",
    re.I,
)
_NO_METRIC = {"v_num", "epoch", "step", "episode", "seed", "num_workers", "eta", "it", "rank"}


def read_progress(path: Path, root: Path, most_bytes: int = LARGEST_READ) -> tuple[list[Curve], str]:
    """Curves of one log, and the version that its bars name last (`v_num=3` → "3", else "").

    x counts epochs (or episodes, steps) with the fraction that is done of the present one.
    """
    source = Source(relative(path, root), reason="progress lines")
    try:
        size = path.stat().st_size
        with open_file(path) as stream:
            parts = [stream.read(most_bytes)]
            if size > 2 * most_bytes:
                stream.seek(size - most_bytes)
                source.state, source.reason = PARTIAL, f"progress lines of the first and last {most_bytes // 1024} KiB"
            parts.append(stream.read(most_bytes))
    except OSError:
        return [], ""
    if b"=" not in parts[0] + parts[1] and b":" not in parts[0]:
        return [], ""
    series: dict[str, Series] = {}
    version = ""
    epoch = 0
    for number, text in _updates(parts, size):
        unit = _UNIT.search(text)
        if not unit:
            continue
        if unit[1].lower() == "epoch":
            if int(unit[2]) <= FIRST_EPOCH < epoch - 1:
                series.clear()  # another fit: a pretraining, a fold or an attempt was before it, of another loss
            epoch = int(unit[2])
        pairs = _PAIR.findall(text, unit.end())
        x = _position(unit, text) if pairs else 0.0
        for name, value in pairs:
            found = series.get(name)
            if found is None:
                if name == "v_num":
                    version = value.lower()
                if name.lower() in _NO_METRIC or len(series) >= MOST_METRICS:
                    continue
                found = series[name] = Series(source, name, x="epoch")
            found.add(x, _number(value), number, text)
    return [item.finish() for item in series.values()], version


def _updates(parts: list[bytes], size: int) -> list[tuple[int | None, str]]:
    """(line number, text) of every update with a unit; a bar rewrites its line with \\r. No numbers behind a gap."""
    has_unit = _unit_in_bytes().search
    updates: list[tuple[int | None, str]] = []
    whole = size <= sum(map(len, parts))
    texts = [b"".join(parts)] if whole else parts
    for index, raw in enumerate(texts):
        for offset, line in enumerate(raw.split(b"\n")):
            number = offset + 1 if index == 0 else None
            for update in line.split(b"\r"):
                if len(update) > 8 and (b"=" in update or b":" in update) and has_unit(update):
                    updates.append((number, update[:LONGEST_LINE].decode("utf-8", "replace").strip()))
    return updates


@lru_cache(maxsize=1)
def _unit_in_bytes() -> Any:
    """Passes over most lines of a log, in a fraction of the time of `_UNIT`, which then decides."""
    import re2

    return re2.compile(rf"(?i)(?:{_UNITS})s?\W{{0,3}}\d".encode(), re2_options(captures=False))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # "nan.0", as some bars format it
        return float(text.removesuffix(".0"))


def _position(unit: re.Match[str], text: str) -> float:
    done = float(unit[2])
    fraction = _FRACTION.search(text, unit.end()) if unit[3] is None else None
    if fraction and int(fraction[2]):
        return done + min(1.0, int(fraction[1]) / int(fraction[2]))
    return done
