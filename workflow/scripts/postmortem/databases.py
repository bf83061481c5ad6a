"""An SQLite database read without touching it: no lock is taken, waited for or left, no -wal, -shm or journal made.

The file and its journal or write-ahead log are copied to a private directory and opened there; SQLite's own
recovery then rolls an open transaction back, or reads the log, as the format demands. A journal may name a
super-journal, a file of the user's that recovery would delete: the copy names none. Of a database that is too large to
copy the file itself is opened as immutable, which ignores its log. Whether another process holds a write
lock is asked of the kernel (F_GETLK), which changes nothing.

Lock bytes: sqlite.org/fileformat2.html and os_unix.c — PENDING at 1 GiB, then RESERVED, then 510 SHARED ones; the
write-ahead log's writer locks byte 120 of the -shm file.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import copy_file, open_file

LARGEST_COPY = 512 * 2**20  # bytes; copied in a second or two
PENDING_BYTE, LOCK_BYTES = 0x40000000, 512
WAL_WRITE_BYTE = 120
QUERY_STEPS = 2_000_000  # virtual machine steps between looks at the clock are a tenth of this
LONGEST_NAME = 4096  # bytes of a path
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_MAGIC = b"SQLite format 3\0"


class NotADatabase(Exception):
    """The file is no SQLite database, or its pages are damaged."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a private copy. Raises NotADatabase, OSError, sqlite3.Error."""
    with open_file(path) as stream:
        head = stream.read(100)
    if not head:
        raise NotADatabase("the file is empty: no table was ever made in it")
    if not head.startswith(_MAGIC):
        raise NotADatabase(f"it begins with {head[:16]!r}, not as an SQLite database does")
    if path.stat().st_size > LARGEST_COPY:
        connection = sqlite3.connect(f"file:{_quoted(path)}?mode=ro&immutable=1", uri=True, timeout=0)
        try:
            yield _limited(connection)
        finally:
            connection.close()
        return
    with tempfile.TemporaryDirectory(prefix="postmortem-") as folder:
        copy = Path(folder) / "copy.db"
        # The log first: a checkpoint between the two copies then only repeats pages that the database has already.
        for suffix in ("-wal", "-journal", ""):
            source = path.with_name(path.name + suffix)
            try:
                copy_file(source, Path(f"{copy}{suffix}"), LARGEST_COPY)
            except FileNotFoundError:
                if not suffix:
                    raise
        _without_super_journal(Path(f"{copy}-journal"))
        connection = sqlite3.connect(copy, timeout=0)
        try:
            yield _limited(connection)
        finally:
            connection.close()


def _without_super_journal(journal: Path) -> None:
    """Let the copy of a journal name no other file; one whose super-journal is gone was committed, and goes.

    The record is the journal's end: the name, its length, its checksum and the magic number (fileformat2, 3.1).
    """
    if not journal.exists() or journal.stat().st_size < 2 * len(_JOURNAL_MAGIC):
        return
    with journal.open("r+b") as stream:
        stream.seek(-2 * len(_JOURNAL_MAGIC), os.SEEK_END)
        end = stream.read()
        if not end.endswith(_JOURNAL_MAGIC):
            return
        stream.seek(-len(_JOURNAL_MAGIC), os.SEEK_END)
        stream.write(bytes(len(_JOURNAL_MAGIC)))
        length = int.from_bytes(end[:4], "big")
        start = stream.tell() - len(end) - length
        stream.seek(max(0, start))
        name = stream.read(length) if 0 < length <= LONGEST_NAME and start >= 0 else b""
    if name and b"\0" not in name and not os.path.lexists(name):
        journal.unlink()


def lock_holder(path: Path) -> int | None:
    """Process that holds a write lock on the database now; 0 if it is on another machine, None if there is none."""
    for file, start, length in (
        (path, PENDING_BYTE, LOCK_BYTES),
        (path.with_name(path.name + "-shm"), WAL_WRITE_BYTE, 1),
    ):
        holder = _holder(file, start, length)
        if holder is not None:
            return holder
    return None


def _holder(file: Path, start: int, length: int) -> int | None:
    import fcntl

    layout = "hhqqi"  # struct flock of 64-bit Linux: type, whence, start, length, pid
    try:
        with open_file(file) as stream:
            asked = struct.pack(layout, fcntl.F_RDLCK, 0, start, length, 0)
            kind, _, _, _, pid = struct.unpack(
                layout, fcntl.fcntl(stream, fcntl.F_GETLK, asked)[: struct.calcsize(layout)]
            )
    except (OSError, struct.error):
        return None
    return None if kind == fcntl.F_UNLCK else max(0, pid)


def _limited(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    steps = iter(range(10))
    # A database may be made so that a query never ends: it is stopped after some two seconds of work.
    connection.set_progress_handler(lambda: next(steps, None) is None, QUERY_STEPS)
    return connection


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
