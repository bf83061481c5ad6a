"""Lightning's metrics.csv → one bounded Curve for each numeric column, with the lines of what is no number.

A small file is read row by row. Of a large one pandas converts whole columns, a block at a time: measured on 35 MB it
takes a seventh of the time; its import costs as much as 2 MB row by row.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ...facts import PARTIAL, Curve, Source
from ...files import open_file
from ...paths import relative, unreadable
from .series import Series

LARGEST_CSV = 64 * 1024 * 1024  # bytes; 300 epochs of the target are 30 kB
LARGEST_BY_ROW = 4 * 1024 * 1024  # bytes; some 100,000 rows, half a second
BLOCK_BYTES = 2 * 1024 * 1024  # in memory at a time, some 20 MB with its lines and columns
MOST_COLUMNS = 60
SHOWN = 400  # characters of a line that are kept
# Where a line may not be a row: quotes may hold line ends, and of these pandas and Python take some for line ends.
_NOT_PLAIN = re.compile(rb'["\0\x0b\x0c\x1c-\x1e\x80-\xff]|\r(?!\n)')


def read_metrics_csv(path: Path, root: Path) -> list[Curve]:
    """One curve per numeric column; empty cells are steps at which it was not logged."""
    source = Source(relative(path, root))
    try:
        with open_file(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > LARGEST_CSV:
                source.state, source.reason = PARTIAL, f"the first {LARGEST_CSV // 2**20} MB"
            header = stream.readline(BLOCK_BYTES)
            table = _Table(header.decode("utf-8", "replace"), source)
            for block in _blocks(stream, LARGEST_CSV - len(header)):
                if size > LARGEST_BY_ROW and not _NOT_PLAIN.search(block):
                    table.add_columns(block)
                else:
                    table.add_rows(block)
    except OSError as error:
        return [Curve(unreadable(path, root, error), "")]
    return [item.finish() for item in table.series.values() if item.curve.count]


def _blocks(stream: BinaryIO, most: int) -> Iterator[bytes]:
    """Whole lines, some megabytes of them; of a file that goes on behind `most` bytes the line that is cut is left out.

    A last line without its end is one: the training may have died while it wrote it.
    """
    rest = b""
    while most > 0 and (read := stream.read(min(BLOCK_BYTES, most))):
        most -= len(read)
        whole, end, rest = (rest + read).rpartition(b"\n")
        if end:
            yield whole + end
    if rest and not stream.read(1):
        yield rest


def rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """The cells of each row; none of what is no CSV, such as a cell without end."""
    reader = csv.reader(lines)
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield []
        except StopIteration:
            return


class _Table:
    """The series of a file's columns. Blocks of lines are added in their order."""

    def __init__(self, header: str, source: Source) -> None:
        lines = header.splitlines()
        self._names = next(rows(lines[:1]), [])[:MOST_COLUMNS]
        self._x = next((name for name in ("step", "global_step", "epoch") if name in self._names), "")
        x = "epoch" if self._x == "epoch" else "step"
        self.series = {name: Series(source, name, x) for name in self._names if name != self._x}
        self._line = 2  # the next one

    def add_rows(self, block: bytes) -> None:
        """Take the lines one by one."""
        lines = block.decode("utf-8", "replace").splitlines()
        for number, line in enumerate(lines, start=self._line):
            row = dict(zip(self._names, next(rows([line]), []), strict=False))
            x = _number(row.get(self._x, "")) if self._x else None
            for name, cell in row.items():
                value = _number(cell)
                if value is not None and name in self.series:
                    self.series[name].add(number - 1 if x is None else x, value, number, line[:SHOWN])
        self._line += len(lines)

    def add_columns(self, block: bytes) -> None:
        """Take the lines' columns as a whole."""
        import numpy
        import pandas

        lines = block.splitlines()
        places = {name: place for place, name in enumerate(self._names)}
        try:
            frame = pandas.read_csv(
                io.BytesIO(block),
                header=None,
                names=list(range(len(self._names))),
                usecols=list(places.values()),  # so a row that is too long is no error
                keep_default_na=False,
                na_values=[""],  # only an empty cell is none: "nan" is what is looked for
                skip_blank_lines=False,
                low_memory=False,
            )
        except ValueError:  # pandas' ParserError among them
            frame = pandas.DataFrame()
        if len(frame) != len(lines):
            self.add_rows(block)
            return
        numbers: Any = numpy.arange(len(lines)) + self._line
        steps, has_step = _values(frame[places[self._x]]) if self._x else (numbers, numpy.zeros(len(lines), bool))
        steps = numpy.where(has_step, steps, numbers - 1)
        for name, series in self.series.items():
            values, logged = _values(frame[places[name]])
            if logged.any():
                series.extend(steps[logged], values[logged], numbers[logged], lambda number: self._shown(lines, number))
        self._line += len(lines)

    def _shown(self, lines: list[bytes], number: int) -> str:
        return lines[number - self._line].decode("utf-8", "replace")[:SHOWN]


def _values(cells: Any) -> tuple[Any, Any]:
    """A column's numbers, and in which rows there is one."""
    import numpy
    import pandas

    if cells.dtype.kind in "iuf":
        values = cells.to_numpy("f8")
        return values, ~numpy.isnan(values)
    # Something in it is no number to pandas: a "nan", a header that was written again, text.
    found = [None if pandas.isna(cell) else _number(str(cell)) for cell in cells]
    logged = numpy.array([value is not None for value in found], bool)
    return numpy.array([numpy.nan if value is None else value for value in found], "f8"), logged


def _number(cell: str) -> float | None:
    try:
        return float(cell) if cell.strip() else None
    except ValueError:
        return None
