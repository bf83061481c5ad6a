"""TensorBoard event files → curves, without TensorBoard or protobuf.

Format: records of (length u64, its CRC u32, payload, its CRC u32); the payload is a protobuf Event with
wall_time (1), step (2) and summary (5), which holds values (1) with tag (1) and simple_value (2) or tensor (8, with
float_val 5 and content 4).
Sources: tensorflow/core/lib/io/record_writer.h, event.proto and summary.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from ...facts import PARTIAL, Curve, Source
from ...files import open_file
from ...paths import relative
from .series import Series

LARGEST_READ = 32 * 1024 * 1024  # bytes of one event file; scalars take some 50 bytes each
MOST_METRICS = 60
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_event_file(path: Path, root: Path) -> list[Curve]:
    """Curves of the scalars in one event file; a record that was cut off ends it, and the source says so."""
    source = Source(relative(path, root))
    try:
        with open_file(path) as stream:
            data = stream.read(LARGEST_READ)
    except OSError:
        return []
    series: dict[str, Series] = {}
    position = 0
    while position + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        start = position + 12
        if length > len(data) - start - 4:
            source.state, source.reason = PARTIAL, "the last record is cut off"
            break
        for tag, step, value in _scalars(data[start : start + length]):
            if tag not in series:
                if len(series) >= MOST_METRICS:
                    continue
                series[tag] = Series(source, tag)
            series[tag].add(step, value)
        position = start + length + 4
    return [item.finish() for item in series.values()]


def _scalars(event: bytes) -> Iterator[tuple[str, float, float]]:
    step, summaries = 0, []
    for field, kind, content in _fields(event):
        if field == 2 and kind == _VARINT:
            step = int.from_bytes(content, "little")
        elif field == 5 and kind == _BYTES:
            summaries.append(content)
    for summary in summaries:
        for field, kind, content in _fields(summary):
            if field == 1 and kind == _BYTES:
                tag, value = _value(content)
                if tag and value is not None:
                    yield tag, step, value


def _value(content: bytes) -> tuple[str, float | None]:
    tag, value = "", None
    for field, kind, part in _fields(content):
        if field == 1 and kind == _BYTES:
            tag = part.decode("utf-8", "replace")[:120]
        elif field == 2 and kind == _FIXED32:
            (value,) = struct.unpack("<f", part)
        elif field == 8 and kind == _BYTES:
            for inner, _, number in _fields(part):
                if inner in (4, 5) and len(number) == 4:
                    (value,) = struct.unpack("<f", number)
    return tag, value


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(field number, wire type, content) of a protobuf message; a varint's content is its value, little endian."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield field, kind, value.to_bytes(10, "little")
            continue
        if kind == _BYTES:
            length, position = _varint(message, position)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            return
        if position + length > len(message):
            return
        yield field, kind, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift < 70:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, position
