"""The central directory of a zip archive as plain numbers.

A cache of 60,000 graphs has 240,000 entries; Python's zipfile makes an object of half a kilobyte of each. Fields are
those of PKWARE's APPNOTE 4.3.7 to 4.3.16, with the 64-bit extensions that torch writes beyond 4 GiB.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, NamedTuple

LARGEST_DIRECTORY = 128 * 1024 * 1024  # bytes; 240,000 entries of torch take 20 MB
_END, _END64, _LOCATOR64, _ENTRY, _LOCAL = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02", b"PK\x03\x04"
_COMMENT = 65535  # bytes that a comment behind the end record may have
_FULL32 = 0xFFFFFFFF
STORED, DEFLATED = 0, 8


class BadZip(Exception):
    """No zip archive, or one whose directory is not there: why."""


class ZipEntry(NamedTuple):
    """offset: of the local header in the file; size: bytes of the content as stored."""

    offset: int
    size: int
    full_size: int
    method: int


def read_directory(stream: BinaryIO, size: int) -> dict[str, ZipEntry]:
    """Name → entry, in the order of the directory. Raises BadZip."""
    start, length = _end_record(stream, size)
    if length > LARGEST_DIRECTORY:
        raise BadZip(f"a directory of {length // 2**20} MB")
    if start < 0 or start + length > size:
        raise BadZip("its directory should lie behind the end of the file")
    stream.seek(start)
    data = stream.read(length)
    entries: dict[str, ZipEntry] = {}
    position = 0
    while position + 46 <= len(data) and data[position : position + 4] == _ENTRY:
        (method,) = struct.unpack_from("<H", data, position + 10)
        packed, full, name_length, extra_length, comment_length = struct.unpack_from("<IIHHH", data, position + 20)
        (offset,) = struct.unpack_from("<I", data, position + 42)
        after = position + 46 + name_length
        name = data[position + 46 : after].decode("utf-8", "replace")
        if _FULL32 in (packed, full, offset):
            full, packed, offset = _extension(data[after : after + extra_length], full, packed, offset)
        entries[name] = ZipEntry(offset, packed, full, method)
        position = after + extra_length + comment_length
    if not entries:
        raise BadZip("its directory is empty")
    return entries


def content_start(stream: BinaryIO, entry: ZipEntry) -> int:
    """First byte of an entry's content, behind its local header. Raises BadZip."""
    stream.seek(entry.offset)
    header = stream.read(30)
    if len(header) < 30 or header[:4] != _LOCAL:
        raise BadZip(f"the entry at byte {entry.offset} is damaged")
    lengths: tuple[int, int] = struct.unpack_from("<HH", header, 26)  # of the name and of the extra field
    return entry.offset + 30 + sum(lengths)


def read_entry(stream: BinaryIO, entry: ZipEntry, most: int) -> bytes:
    """An entry's content, unpacked. Raises BadZip if it is damaged or larger than `most` bytes."""
    if max(entry.size, entry.full_size) > most:
        raise BadZip(f"an entry of {max(entry.size, entry.full_size) // 2**20} MB")
    stream.seek(content_start(stream, entry))
    data = stream.read(entry.size)
    if len(data) < entry.size:
        raise BadZip("an entry ends behind the end of the file")
    if entry.method == STORED:
        return data
    if entry.method != DEFLATED:
        raise BadZip(f"an entry is packed with method {entry.method}")
    try:
        # A bomb would unpack to far more than it states: no more than the limit is ever unpacked.
        return zlib.decompressobj(-15).decompress(data, most)
    except zlib.error as error:
        raise BadZip(f"an entry is damaged: {error}") from error


def _end_record(stream: BinaryIO, size: int) -> tuple[int, int]:
    """Where the directory begins, and its length."""
    tail_size = min(size, _COMMENT + 22 + 20)
    stream.seek(size - tail_size)
    tail = stream.read(tail_size)
    found = tail.rfind(_END)
    if found < 0 or found + 22 > len(tail):
        raise BadZip("no end of its directory")
    length, start = struct.unpack_from("<II", tail, found + 12)
    locator = found - 20
    if locator >= 0 and tail[locator : locator + 4] == _LOCATOR64 and _FULL32 in (length, start):
        (end64,) = struct.unpack_from("<Q", tail, locator + 8)
        stream.seek(end64)
        record = stream.read(56)
        if len(record) < 56 or record[:4] != _END64:
            raise BadZip("no 64-bit end of its directory")
        length, start = struct.unpack_from("<QQ", record, 40)
    return start, length


def _extension(extra: bytes, full: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The 64-bit values of an entry, in the order that the format gives those that are needed."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            numbers = list(struct.unpack_from(f"<{length // 8}Q", extra, position + 4))
            values = [numbers.pop(0) if value == _FULL32 and numbers else value for value in (full, packed, offset)]
            return values[0], values[1], values[2]
        position += 4 + length
    return full, packed, offset
