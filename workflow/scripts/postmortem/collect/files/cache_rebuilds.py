"""Which runs of a dataset refused and rebuilt the cache of their data, by the heads of their logs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...paths import relative
from ...text import clean

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
    r"(?i)\bcache saved\b|\bsav(?:ing|ed) \S* ?(?:data|graphs|dataset) to cache\b"
    r"|\brebuil(?:ding|t)\b.{0,30}\bcache\b|\bcache rebuilt\b"
)
DAMAGED = re.compile(
    r"(?i)\bcache load failed\b|\b(?:failed|unable|could not) (?:to )?(?:load|read|open)\b.{0,30}\bcache\b"
)


@dataclass
class Rebuild:
    """One run's word on the cache: the line that refuses it, or could not load it, or says it was made anew."""

    run: str
    source: str
    line: int
    text: str
    refused: bool
    damaged: bool = False


def rebuilds(
    dataset_directory: Path, experiments: Path, root: Path, logs: tuple[str, ...] = ("slurm.err", "slurm.out")
) -> list[Rebuild]:
    """The runs of a dataset that refused or rebuilt the cache, by the text's own time, else by name."""
    found: list[tuple[str, Rebuild]] = []
    for directory in sorted(d for d in dataset_directory.glob("*") if d.is_dir())[:MOST_RUNS]:
        for name in logs:
            said = [
                (not refused, not damaged, number, text)
                for number, text in _head(directory / name)
                if (refused := bool(REFUSED.search(text))) | (damaged := bool(DAMAGED.search(text)))
                or REBUILT.search(text)
            ]
            if said:
                not_refused, not_damaged, number, text = min(said)
                run, source = relative(directory, experiments), relative(directory / name, root)
                found.append((text[:19], Rebuild(run, source, number, text, not not_refused, not not_damaged)))
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
