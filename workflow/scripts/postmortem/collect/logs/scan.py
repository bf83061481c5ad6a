"""One bounded-memory pass over a log file of any size: what stands out is kept, with its line numbers.

A small log is kept whole. Of a large one the head, the tail and the surroundings of every line that stands out are
kept; a line that is repeated with other numbers is kept only the first and the last times.
"""

from __future__ import annotations

import re
import stat
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from ...facts import ABSENT, PARTIAL, UNREADABLE, Line, Log, Source
from ...files import open_file
from ...log_prefix import strip_prefix
from ...paths import relative
from ...re2_options import re2_options
from ...redaction import may_hold_blocks
from ...text import clean, redact_blocks
from .traceback_drawn import all_tracebacks
from .wrapped import joined

WHOLE_BYTES = 384 * 1024  # a log up to this size is kept whole; nine in ten failed runs' logs are smaller
CHUNK_BYTES = 4 * 1024 * 1024  # read at a time; two chunks and the kept lines are all that is ever in memory
KEPT_BYTES = 384 * 1024  # of a larger log
FATAL_BYTES = (
    128 * 1024
)  # more, for what ends a run: thousands of different warnings before it must not use up its place
HEAD_LINES = 60  # versions, configuration and warnings stand at the top
TAIL_BYTES = 96 * 1024  # the end is where a failure is told; a 16-rank traceback is about 60 KiB
LINE_CHARACTERS = 2_000  # of one line; the rest of a longer line is dropped, matches in it are kept as pieces
SEGMENTS = 6  # states of a progress bar kept per line
BEFORE, AFTER = 6, 14  # lines kept around one that stands out
AFTER_TRACEBACK = 130  # a chained traceback through Lightning has about 100 lines
TIMED_LINES = 400  # looked at from either end for a time stamp
SAME_FIRST, SAME_LAST = 4, 2  # how many of the lines that differ only in numbers are kept

# Words that every failure, warning or end of a run uses; the catalogue's own patterns are added to them.
_SIGNAL_WORDS = (
    r"(?i)error|exception|traceback|fatal|fail|kill|abort|assert|cancel|denied|refused|invalid|not found|no such"
    r"|unable|cannot|can't|could not|missing|out of memory|oom|\bnan\b|segmentation|core dumped|bus error|sigterm"
    r"|signal|timed? ?out|time limit|warning|unexpected|mismatch|exceed|quota|no space|corrupt|locked|unreachable|xid"
    r"|slurmstepd|srun:|sbatch:|usage:|stopped|requeue|preempt|stale|retry|rejected|unsupported|deprecated|complete"
    r"|saved|empty|diverge|overflow"
)
_FATAL_WORDS = re.compile(
    rb"Traceback|\w(?:Error|Exception)\b|[Ff]atal|FATAL|[Kk]illed|[Oo]ut of memory|oom|Segmentation|core dumped"
    rb"|slurmstepd"
)
# Left out of a line's key: lines that differ only in numbers, times and addresses are the same line again.
_NUMBER_BYTES = b"0123456789abcdefABCDEF.:,-"


def signal_patterns(catalogue: Sequence[str] = ()) -> list[Any]:
    """The RE2 expressions for lines that stand out: the general words, and the catalogue's patterns that have none.

    Two expressions, for what a hit costs grows with the expression: 2 µs for the words, 60 µs for the whole catalogue.
    """
    words = re.compile(_SIGNAL_WORDS)
    others = [expression for expression in catalogue if not words.search(expression)]
    return [_general_signals(), *([_alternation(others)] if others else [])]


@lru_cache(maxsize=1)
def _general_signals() -> Any:
    return _alternation([_SIGNAL_WORDS])


def _alternation(expressions: Sequence[str]) -> Any:
    import re2

    whole = "|".join(f"(?:{expression})" for expression in expressions)
    return re2.compile(whole.encode(), re2_options(captures=False))


def read_log(
    path: Path,
    project_root: Path,
    role: str,
    job_id: str = "",
    signals: Callable[[], list[Any]] | None = None,
    whole_bytes: int | None = None,
) -> Log:
    """Read one log.

    In: `signals` gives the expressions from `signal_patterns`, by default the general words alone; it is only called
    for a log that is too large to be kept whole, since compiling a catalogue takes longer than reading most logs.
    whole_bytes: up to this size it is kept whole, if that is less than for every log.
    Out: a Log; absent and unreadable files are told apart in its source.
    """
    shown = relative(path, project_root)
    log = Log(Source(shown), role, job_id)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for its writer
            log.source = Source(shown, UNREADABLE, "it is not a file")
            return log
        log.size = status.st_size
        log.modified = datetime.fromtimestamp(status.st_mtime).isoformat(timespec="seconds")
        with open_file(path) as stream:
            if log.size <= (WHOLE_BYTES if whole_bytes is None else min(whole_bytes, WHOLE_BYTES)):
                _keep_all(log, stream.read(WHOLE_BYTES))
            else:
                _scan(log, stream, (signals or signal_patterns)())
    except FileNotFoundError:
        log.source = Source(shown, ABSENT, "there is no such file")
    except (OSError, ValueError) as error:
        log.source = Source(shown, PARTIAL if log.lines else UNREADABLE, str(error))
    if any(may_hold_blocks(line.text) for line in log.lines):
        for line, text in zip(log.lines, redact_blocks([line.text for line in log.lines]), strict=True):
            line.text = text
    log.tracebacks = all_tracebacks(joined(log.lines), project_root)
    log.first_time = _first_time(log.lines[:TIMED_LINES])
    log.last_time = _first_time(log.lines[: -TIMED_LINES - 1 : -1])
    return log


def _first_time(lines: list[Line]) -> str:
    return next((time for line in lines if line.text and (time := strip_prefix(line.text).time)), "")


def _keep_all(log: Log, data: bytes) -> None:
    lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    log.line_count = len(lines)
    for number, raw in enumerate(lines, 1):
        log.lines += _pieces(number, raw)
        if len(raw) > 2 * LINE_CHARACTERS:
            log.lines += _further_pieces(number, raw)


def _further_pieces(number: int, raw: bytes) -> list[Line]:
    """What stands out in a very long line beyond its beginning."""
    kept = _Kept()
    _keep_signals(raw, number, kept, _general_signals(), LINE_CHARACTERS)
    known = {line.text for line in _pieces(number, raw)}
    return [piece for piece in kept.lines.get(number, []) if piece.text not in known]


def _pieces(number: int, raw: bytes) -> list[Line]:
    """A line as it is kept: the states of a progress bar (rewritten with carriage returns) each on their own."""
    raw = raw.rstrip(b"\r")
    if b"\r" not in raw:
        return [Line(number, clean(raw[: LINE_CHARACTERS * 2])[:LINE_CHARACTERS])]
    states = [state for state in raw.split(b"\r") if state.strip()]
    telling = [s for s in states[1:-1] if b"%|" not in s or b"nan" in s.lower()]
    chosen = [*states[:1], *telling[:SEGMENTS], *telling[SEGMENTS:][-SEGMENTS:], *states[1:][-1:]]
    return [Line(number, clean(state[: LINE_CHARACTERS * 2])[:LINE_CHARACTERS]) for state in chosen]


class _Kept:
    """The kept lines of a large log, by line number, within a budget of bytes."""

    def __init__(self) -> None:
        self.lines: dict[int, list[Line]] = {}
        self.bytes = 0
        self.seen: dict[bytes, int] = {}
        self.last: dict[bytes, deque[tuple[int, bytes]]] = {}

    def add(self, number: int, raw: bytes, most: int = KEPT_BYTES) -> None:
        if number in self.lines or self.bytes > most:
            return
        self.lines[number] = _pieces(number, raw)
        self.bytes += sum(len(piece.text) for piece in self.lines[number])

    def add_piece(self, number: int, raw: bytes) -> None:
        """Keep a further piece of a line that is too long to be kept whole."""
        pieces = self.lines.setdefault(number, [])
        if len(pieces) < 4 * SEGMENTS:
            pieces.append(Line(number, clean(raw[:LINE_CHARACTERS])))
            self.bytes += len(pieces[-1].text)

    def wanted(self, number: int, raw: bytes) -> bool:
        """Whether the surroundings of this line are worth keeping: not if it has been seen often with other numbers."""
        key = raw[:200].translate(None, _NUMBER_BYTES)
        self.seen[key] = self.seen.get(key, 0) + 1
        if self.seen[key] <= SAME_FIRST:
            return True
        if key in self.last or len(self.last) < 2_000:  # bounds memory on logs whose every line is different
            self.last.setdefault(key, deque(maxlen=SAME_LAST)).append((number, raw[: LINE_CHARACTERS * 2]))
        return False

    def finish(self, tail: list[tuple[int, bytes]]) -> list[Line]:
        self.bytes = 0  # the end and the last repeats are kept whatever the middle has used up
        for number, raw in [*tail, *(pair for last in self.last.values() for pair in last)]:
            self.add(number, raw)
        return [piece for number in sorted(self.lines) for piece in self.lines[number]]


def _scan(log: Log, stream: BinaryIO, signals: list[Any]) -> None:
    kept = _Kept()
    number = 1  # of the line that begins at the start of the chunk
    rest = b""
    follow = 0  # lines still to be kept after the last one that stood out
    tail = b""
    while block := stream.read(CHUNK_BYTES):
        data = rest + block
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) < 2 * CHUNK_BYTES:
            rest = data
            continue
        # A line longer than two chunks is worked on in pieces that share its number.
        data, rest = (data[:cut], data[cut:]) if cut else (data, b"")
        follow = _scan_chunk(data, number, follow, kept, signals)
        number += data.count(b"\n")
        tail = (tail + data)[-TAIL_BYTES:] if len(data) < TAIL_BYTES else data[-TAIL_BYTES:]
    if rest:
        _scan_chunk(rest, number, follow, kept, signals)
        tail = (tail + rest)[-TAIL_BYTES:]
    # The last line counts whether a line end follows it or not.
    log.line_count = number - 1 if tail.endswith(b"\n") else number
    tail_lines = tail.removesuffix(b"\n").split(b"\n")
    first = log.line_count - len(tail_lines) + 1
    numbered = [(first + i, raw) for i, raw in enumerate(tail_lines)]
    log.lines = kept.finish(numbered if len(numbered) < 2 else numbered[1:] if len(tail) >= TAIL_BYTES else numbered)
    log.whole = False


def _scan_chunk(data: bytes, number: int, follow: int, kept: _Kept, signals: list[Any]) -> int:
    """Keep what stands out in one chunk of whole lines. Returns how many lines of the next chunk belong to it."""
    position, line = 0, number
    while (follow or line <= HEAD_LINES) and position < len(data):
        end = _line_end(data, position)
        kept.add(line, data[position:end])
        position, line = end + 1, line + 1
        follow = max(0, follow - 1)
    return max([_keep_signals(data, number, kept, expression) for expression in signals] + [follow])


def _keep_signals(data: bytes, number: int, kept: _Kept, signals: Any, start: int = 0) -> int:
    """Keep what one expression finds. Returns how many lines of the next chunk belong to the last one."""
    follow = begin = 0
    end = -1  # of the line of the last hit; a very long line has many hits, and its ends are looked up once
    line = number
    while match := signals.search(data, start):
        if match.start() > end:
            previous, begin = begin, data.rfind(b"\n", max(0, end), match.start()) + 1 or begin
            line += data.count(b"\n", previous, begin)
            end = _line_end(data, match.start())
        if end - begin > LINE_CHARACTERS:
            start = _keep_within(data, begin, end, match, line, kept)
            continue
        start, piece = end + 1, data[begin:end]
        if kept.wanted(line, piece):
            follow = _keep_around(data, begin, end, line, AFTER_TRACEBACK if b"Traceback" in piece else AFTER, kept)
        else:
            follow = 0
    return follow


def _keep_within(data: bytes, begin: int, end: int, match: Any, line: int, kept: _Kept) -> int:
    """Of a very long line keep the state of the progress bar that stood out. Returns where to go on."""
    left = max(data.rfind(b"\r", max(begin, match.start() - 200), match.start()) + 1, match.start() - 200, begin)
    right = data.find(b"\r", match.end(), min(end, match.end() + LINE_CHARACTERS))
    right = right if 0 <= right < left + LINE_CHARACTERS else min(end, match.end() + 600)
    if left > begin and data[left - 1 : left + 1].strip() == data[left - 1 : left + 1] != b"":
        # Not in the middle of a word: half of a credential is not known to be one.
        blank = re.compile(rb"\s").search(data, left, match.start())
        left = blank.start() if blank else left
    piece = data[left:right]
    if kept.wanted(line, piece):
        kept.add_piece(line, piece)
    return right + 1


def _line_end(data: bytes, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end


def _keep_around(data: bytes, begin: int, end: int, line: int, after: int, kept: _Kept) -> int:
    """Keep a line with those around it. Returns how many of the `after` lines lie beyond the chunk."""
    before: list[tuple[int, bytes]] = []
    position, number = begin, line
    while position > 0 and len(before) < BEFORE:
        previous = data.rfind(b"\n", 0, position - 1) + 1
        number -= 1
        before.append((number, data[previous : position - 1]))
        position = previous
    for earlier, raw in reversed(before):
        kept.add(earlier, raw)
    most = KEPT_BYTES + (FATAL_BYTES if _FATAL_WORDS.search(data, begin, min(end, begin + LINE_CHARACTERS)) else 0)
    kept.add(line, data[begin:end], most)
    position, number = end + 1, line
    for left in range(after, 0, -1):
        if position >= len(data):
            return left
        stop = _line_end(data, position)
        number += 1
        kept.add(number, data[position:stop], most)
        position = stop + 1
    return 0
