"""One bounded-memory pass over a log file of any size: what stands out is kept, with its line numbers.

A small log is kept whole. Of a large one the head, the tail and the surroundings of every line that stands out are
kept; a line that is repeated with other numbers is kept only the first and the last times.
"""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from ...facts import ABSENT, PARTIAL, UNREADABLE, Line, Log, Source
from ...files import open_file
from ...log_prefix import strip_prefix
from ...paths import modified, relative
from ...re2_options import re2_options
from ...redaction import may_hold_blocks
from ...text import clean, redact_blocks
from .traceback_drawn import all_tracebacks
from .untangled import untangled
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
# Left out of a line's shape: lines that differ only in numbers, times, addresses and bars are the same line again.
_NUMBER_BYTES = b"0123456789abcdefABCDEF.:,- #=>\xe2\x96" + bytes(range(0x88, 0x90))
MOST_SHAPES = 200_000  # that are counted: bounds memory on logs whose every line is different
MOST_LAST = 2_000  # shapes of which the last lines are kept


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
        log.modified = modified(path)
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
    log.tracebacks = all_tracebacks(joined(untangled(log.lines)), project_root)
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
    kept = _Kept([_general_signals()])
    _keep_within(raw[LINE_CHARACTERS:], number, kept)
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
    """The kept lines of a large log, by line number, within a budget of bytes.

    signals: the expressions for what stands out. shapes: how often lines that differ only in numbers were looked at;
    familiar: those that were often enough, which no expression has to look at again; of those that stand out `last`
    has the last ones.
    """

    def __init__(self, signals: list[Any]) -> None:
        self.signals = signals
        self.lines: dict[int, list[Line]] = {}
        self.bytes = 0
        self.shapes: dict[bytes, int] = {}
        self.familiar: set[bytes] = set()
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

    def unfamiliar(self, shapes: list[bytes], different: set[bytes]) -> list[int]:
        """Which lines are worth a look: those whose shape has not been seen often. different: each shape once."""
        looked_at: list[int] = []
        if self.familiar.issuperset(different):
            return looked_at
        for at in [at for at, shape in enumerate(shapes) if shape not in self.familiar]:
            shape = shapes[at]
            count = self.shapes.get(shape, 0)
            if count < SAME_FIRST:
                looked_at.append(at)
            if count or len(self.shapes) < MOST_SHAPES:
                self.shapes[shape] = count + 1
                if count + 1 == SAME_FIRST:
                    self.familiar.add(shape)
        return looked_at

    def stood_out(self, shape: bytes) -> None:
        """Remember that lines of this shape stand out, so that the last ones are kept as well."""
        if len(self.last) < MOST_LAST:
            self.last.setdefault(shape, deque(maxlen=SAME_LAST))

    def remember_last(self, before: _Chunk, chunk: _Chunk | None) -> None:
        """Keep the last lines of the shapes that stand out and do not come again in the chunk behind `before`."""
        ended = before.different & self.last.keys()
        if chunk is not None:
            ended -= chunk.different
        for shape in ended:
            at = before.last_of(shape)
            self.last[shape].append((before.number + at, before.lines[at][: LINE_CHARACTERS * 2]))

    def finish(self, tail: list[tuple[int, bytes]]) -> list[Line]:
        self.bytes = 0  # the end and the last repeats are kept whatever the middle has used up
        for number, raw in [*tail, *(pair for last in self.last.values() for pair in last)]:
            self.add(number, raw)
        return [piece for number in sorted(self.lines) for piece in self.lines[number]]


class _Chunk:
    """Lines of a log, read at once; they are only taken apart where one of them is wanted.

    block: the bytes as read; what follows its last line end belongs to the next chunk. number: of the first line.
    different: each shape once.
    """

    def __init__(self, block: bytes, number: int) -> None:
        self._block, self.number = block, number
        # Without any line end it is a piece of a line, or the last line.
        self.end = block.rfind(b"\n") + 1 or len(block)

    @property
    def whole_lines(self) -> bool:
        return self._block[self.end - 1 : self.end] == b"\n"

    @cached_property
    def lines(self) -> list[bytes]:
        return self._without_the_rest(self._block.split(b"\n"))

    @cached_property
    def shapes(self) -> list[bytes]:
        return self._without_the_rest(_shapes(self._block, b"\n"))

    @cached_property
    def different(self) -> set[bytes]:
        return set(self.shapes)

    def last_of(self, shape: bytes) -> int:
        """The index of the last line of a shape that is there."""
        return len(self.shapes) - 1 - self._backwards.index(shape)

    @cached_property
    def _backwards(self) -> list[bytes]:
        return self.shapes[::-1]

    def tail(self) -> bytes:
        return self._block[max(0, self.end - TAIL_BYTES) : self.end]

    def _without_the_rest(self, parts: list[bytes]) -> list[bytes]:
        return parts[:-1] if self.whole_lines else parts


def _chunks(stream: BinaryIO) -> Iterator[_Chunk]:
    """A log from its beginning to its end. A line longer than two chunks comes in pieces that share its number.

    Each is read where the last whole line of the one before ends: to read a part of a line again costs less than to
    join it to what follows, which copies the whole.
    """
    offset, number, wanted = 0, 1, CHUNK_BYTES
    while block := os.pread(stream.fileno(), wanted, offset):
        chunk = _Chunk(block, number)
        if not chunk.whole_lines and len(block) == wanted == CHUNK_BYTES:
            wanted = 2 * CHUNK_BYTES
            continue
        yield chunk
        wanted = CHUNK_BYTES
        offset += chunk.end
        number += len(chunk.shapes) if chunk.whole_lines else 0


def _scan(log: Log, stream: BinaryIO, signals: list[Any]) -> None:
    kept = _Kept(signals)
    follow = 0  # lines still to be kept after the last one that stood out
    tail = b""
    before = _Chunk(b"", 0)
    for chunk in _chunks(stream):
        follow = _keep_of(chunk, follow, kept)
        kept.remember_last(before, chunk)
        before = chunk
        tail = (tail + chunk.tail())[-TAIL_BYTES:]
    kept.remember_last(before, None)
    # The last line counts whether a line end follows it or not.
    log.line_count = before.number + len(before.shapes) - 1
    tail_lines = tail.removesuffix(b"\n").split(b"\n")
    first = log.line_count - len(tail_lines) + 1
    numbered = [(first + i, raw) for i, raw in enumerate(tail_lines)]
    log.lines = kept.finish(numbered if len(numbered) < 2 else numbered[1:] if len(tail) >= TAIL_BYTES else numbered)
    log.whole = False


def _keep_of(chunk: _Chunk, follow: int, kept: _Kept) -> int:
    """Keep what stands out in a chunk, and the first `follow` lines of it, which belong to what stood out before.

    Returns how many of the lines behind it belong to the last that stood out.
    """
    first, count = chunk.number, len(chunk.shapes)
    for at in range(min(max(follow, HEAD_LINES - first + 1), count)):
        kept.add(first + at, chunk.lines[at])
    follow = max(0, follow - count)
    chosen = kept.unfamiliar(chunk.shapes, chunk.different)
    for at in _standing_out([chunk.lines[at] for at in chosen], chosen, kept.signals):
        kept.stood_out(chunk.shapes[at])
        if len(chunk.lines[at]) > LINE_CHARACTERS:
            _keep_within(chunk.lines[at], first + at, kept)
        else:
            follow = max(0, _keep_around(chunk.lines, at, first, kept) - count)
    return follow


def _shapes(data: bytes, end: bytes) -> list[bytes]:
    """What is left of lines without numbers, bars and blanks. end: of a line."""
    return data.translate(None, _NUMBER_BYTES).split(end)


def _standing_out(lines: list[bytes], places: list[int], signals: list[Any]) -> list[int]:
    """The places of those lines that hold what one of the expressions looks for, in their order."""
    data, found = b"\n".join(lines), set()
    for expression in signals:
        start = counted = at = 0
        while match := expression.search(data, start):
            at += data.count(b"\n", counted, match.start())
            counted = match.start()
            found.add(at)
            end = data.find(b"\n", match.start())
            if end < 0:
                break
            start = end + 1
    return [places[at] for at in sorted(found)] if places else []


def _keep_within(line: bytes, number: int, kept: _Kept) -> None:
    """Of a very long line keep the states of a progress bar, or the surroundings of the words, that stand out."""
    states = line.split(b"\r")
    shapes = _shapes(line, b"\r")
    chosen = kept.unfamiliar(shapes, set(shapes))
    for at in _standing_out([states[at] for at in chosen], chosen, kept.signals):
        if len(states[at]) <= LINE_CHARACTERS:
            kept.add_piece(number, states[at])
            continue
        for expression in kept.signals:
            start, pieces = 0, 0
            while pieces < SEGMENTS and (match := expression.search(states[at], start)):
                start, pieces = _keep_words(states[at], match, number, kept), pieces + 1


def _keep_words(state: bytes, match: Any, number: int, kept: _Kept) -> int:
    """Keep the surroundings of what stands out in a text without line ends. Returns where to go on."""
    left, right = max(match.start() - 200, 0), min(len(state), match.end() + 600)
    if left and state[left - 1 : left + 1].strip() == state[left - 1 : left + 1]:
        # Not in the middle of a word: half of a credential is not known to be one.
        blank = re.compile(rb"\s").search(state, left, match.start())
        left = blank.start() if blank else left
    kept.add_piece(number, state[left:right])
    return int(right) + 1


def _keep_around(lines: list[bytes], at: int, number: int, kept: _Kept) -> int:
    """Keep a line with those around it. Returns the index behind the last of them, which may lie beyond the lines."""
    for before in range(max(0, at - BEFORE), at):
        kept.add(number + before, lines[before])
    line = lines[at]
    most = KEPT_BYTES + (FATAL_BYTES if _FATAL_WORDS.search(line, 0, LINE_CHARACTERS) else 0)
    end = at + 1 + (AFTER_TRACEBACK if b"Traceback" in line else AFTER)
    for after in range(at, min(end, len(lines))):
        kept.add(number + after, lines[after], most)
    return end
