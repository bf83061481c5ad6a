"""What the runs of a dataset said of the cache of their data, by the heads of their logs: refused, made anew, read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ... import times
from ...files import open_file
from ...paths import relative
from ...text import clean

HEAD_BYTES = 128 * 1024  # data are loaded before training starts
FIRST_BYTES = 16 * 1024  # in which the first time stands, behind a banner
MOST_RUNS = 40
_UNFIT = (
    r"invalid|unsupported|unknown|unexpected|outdated|stale|incompatible|obsolete|inconsistent|out[- ]of[- ]date"
    r"|expired|refused|rejected|mismatch(?:ed)?"
)
# A cache that is read and found to be of another kind or version. "Possibly corrupted" is none: a file that was cut
# off is rebuilt once, and then it is good.
REFUSED = re.compile(
    rf"(?i)\b(?:{_UNFIT}|old)[ -]+(?:\w+ ){{0,2}}cache\b|\b(?:{_UNFIT})\b.{{0,40}}\bcached?\b"
    rf"|\bcached? .{{0,60}}?(?:\b(?:{_UNFIT})\b|\b(?:validation|check) failed\b|!=)"
    r"|\bcached? .{0,60}?\b(?:do(?:es)? not|doesn't|don't|did not|no longer) (?:match|fit|agree)"
    r"|\bcached? .{0,60}?\b(?:differs?|disagrees?|not compatible|no longer valid|not valid|not usable)\b"
    r"|\bcached? .{0,40}\bexpected .{1,30}\b(?:got|found|has|but|is)\b"
)
REBUILT = re.compile(
    r"(?i)\bcache (?:saved|written|rebuilt|created|built|regenerated|refreshed)\b|\bcache \w+ (?:written|saved)\b"
    r"|\b(?:sav|writ|stor)(?:ing|ed|ten) .{0,60}\bcached?\b|\bre-?(?:build|built|creat|generat|process|comput|mak)\w*\b"
    r".{0,30}\bcached?\b|\b(?:building|creating|generating|making) (?:the |a |new )*cache\b"
    r"|\bprocess(?:ing|ed) (?:\w+ )?from scratch\b"
)
# The same line as one that refuses may say what is done then.
_ANEW = re.compile(
    r"(?i)\bre-?(?:build|built|creat|generat|process|comput|mak|download)|\banew\b|\bfrom scratch\b|\bagain\b"
)
DAMAGED = re.compile(
    r"(?i)\bcache load failed\b|\b(?:failed|unable|could not) (?:to )?(?:load|read|open)\b.{0,30}\bcached?\b"
)
ACCEPTED = re.compile(
    r"(?i)\bcache (?:validated|hit|loaded|ok|found|(?:is )?(?:valid|up[- ]to[- ]date|current|good))\b"
    r"|\b(?:load|us|re-?us|read|restor)(?:ing|ed)? .{0,40}\bcached?\b|\bfrom (?:the |its )?cache\b"
)
# What is damaged, or not there yet, was not refused for what it is.
_WITHOUT = re.compile(
    rf"{DAMAGED.pattern}|\bNone (?:->|!=|vs)|\bno (?:\w+ ){{0,2}}cache\b|\bcached? .{{0,60}}\b(?:not found|not exist)"
)
_COUNTED = re.compile(r"\b\d+ (?:\w+ )?(?:graphs|samples|rows|items|records|windows|files|examples|sequences)\b", re.I)
_NAMES_A_CACHE = (b"ache", b"from scratch")


@dataclass
class Rebuild:
    """One run's word on the cache: the line that refuses it, or could not load it, or says it was made anew, or read.

    began, ended: when the run began, and when it said for the last time that it wrote its data, ISO 8601; empty where
    the log has no times. began orders the runs; without it the file's time does.
    """

    run: str
    source: str
    line: int
    text: str
    refused: bool
    damaged: bool = False
    accepted: bool = False
    began: str = ""
    ended: str = ""
    saved: str = ""  # the line that says what was written, as far as it counts


def rebuilds(
    dataset_directory: Path, experiments: Path, root: Path, logs: tuple[str, ...] = ("slurm.err", "slurm.out")
) -> list[Rebuild]:
    """What the runs of a dataset said of the cache, by the time when they did, else by the time of their logs."""
    found: list[tuple[str, Rebuild]] = []
    for directory in sorted(d for d in dataset_directory.glob("*") if d.is_dir())[:MOST_RUNS]:
        by_log = [(name, said) for name in logs if (said := _said(*_head(directory / name)))]
        if not by_log:
            continue
        name, rebuild = min(by_log, key=lambda pair: (not pair[1].refused, not pair[1].damaged, pair[1].accepted))
        rebuild.run, rebuild.source = relative(directory, experiments), relative(directory / name, root)
        for field in ("began", "ended", "saved"):  # one stream may say that, the other this
            others = (getattr(said, field) for _, said in by_log)
            setattr(rebuild, field, getattr(rebuild, field) or next(filter(None, others), ""))
        changed = times.modified(directory / name)
        found.append((rebuild.began or (changed.isoformat() if changed else ""), rebuild))
    return [rebuild for _, rebuild in sorted(found, key=lambda pair: pair[0])]


def _said(lines: list[tuple[int, str]], began: str) -> Rebuild | None:
    """What a log's lines that name a cache say together. began: the first time in the log."""
    rebuilt = [(number, text) for number, text in lines if REBUILT.search(text)]
    damaged = [(number, text) for number, text in lines if DAMAGED.search(text)]
    refused = [
        (number, text)
        for number, text in lines
        if REFUSED.search(text) and not _WITHOUT.search(text) and (rebuilt or _ANEW.search(text))
    ]
    accepted = [(number, text) for number, text in lines if ACCEPTED.search(text)]
    said = refused or damaged or rebuilt or accepted
    if not said:
        return None
    wrote = [moment for _, text in rebuilt if (moment := times.first_in(text))]
    counted = [text for _, text in rebuilt if _COUNTED.search(text)]
    return Rebuild(
        "", "", *said[0], bool(refused), not refused and bool(damaged), said is accepted,
        began, wrote[-1].isoformat() if wrote else "",
        counted[-1] if counted else "",
    )  # fmt: skip


def _head(path: Path) -> tuple[list[tuple[int, str]], str]:
    """The lines at a log's beginning that name a cache, and the first time there, ISO 8601."""
    try:
        with open_file(path) as stream:
            data = stream.read(HEAD_BYTES)
    except OSError:
        return [], ""
    if not any(word in data for word in _NAMES_A_CACHE):
        return [], ""
    lines = enumerate(data.split(b"\n"), 1)
    began = times.first_in(data[:FIRST_BYTES].decode("utf-8", "replace"))
    named = [(i, clean(line)[:400]) for i, line in lines if any(word in line for word in _NAMES_A_CACHE)]
    return named, began.isoformat() if began else ""
