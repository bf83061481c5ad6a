"""Which runs of a dataset refused and rebuilt the cache of their data, by the heads of their logs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..text import clean
from .place import relative

HEAD_BYTES = 128 * 1024  # data are loaded before training starts
MOST_RUNS = 40
# A cache that is read and found to be of another kind or version. "Possibly corrupted" is none: a file that was cut
# off is rebuilt once, and then it is good.
REFUSED = re.compile(
    r"(?i)(?:invalid|unsupported|unknown|unexpected|outdated|stale|incompatible|old)[ -]+(?:\w+ )?cache\b"
    r"|\bcache (?:\w+ ){0,3}(?:is |was )?(?:invalid|stale|outdated|incompatible|out of date|expired|refused|rejected)\b"
    r"|\bcache\b.{0,40}\b(?:mismatch|does not match|do not match|not compatible)\b|\bcache validation failed\b"
)
REBUILT = re.compile(
    r"(?i)\bcache saved\b|\bsav(?:ing|ed) \S* ?(?:data|graphs|dataset) to cache\b|\brebuil(?:ding"
    r"|t)\b.{0,30}\bcache\b|\bcache rebuilt\b"
)


@dataclass
class Rebuild:
    """One run's word on the cache: the line that refuses it, or else the line that says it was made anew."""

    run: str
    source: str
    line: int
    text: str
    refused: bool


def rebuilds(
    dataset_directory: Path, experiments: Path, root: Path, logs: tuple[str, ...] = ("slurm.err", "slurm.out")
) -> list[Rebuild]:
    """The runs of a dataset that refused or rebuilt the cache, by the text's own time, else by name."""
    found: list[tuple[str, Rebuild]] = []
    for directory in sorted(d for d in dataset_directory.glob("*") if d.is_dir())[:MOST_RUNS]:
        for name in logs:
            best: Rebuild | None = None
            for number, text in _head(directory / name):
                refused = bool(REFUSED.search(text))
                if (refused or REBUILT.search(text)) and (best is None or (refused and not best.refused)):
                    best = Rebuild(
                        relative(directory, experiments), relative(directory / name, root), number, text, refused
                    )
            if best:
                found.append((best.text[:19], best))
                break
    return [rebuild for _, rebuild in sorted(found, key=lambda pair: pair[0])]


def _head(path: Path) -> list[tuple[int, str]]:
    try:
        with path.open("rb") as stream:
            data = stream.read(HEAD_BYTES)
    except OSError:
        return []
    if b"ache" not in data:
        return []
    return [(i, clean(line)[:400]) for i, line in enumerate(data.split(b"\n"), 1) if b"ache" in line]
