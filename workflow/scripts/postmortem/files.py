"""The one door to files: writing so that nothing is ever half there, reading so that nothing hangs or fills memory.

A project may hold a named pipe, a device or a file without an end wherever a log or a table is looked for; whatever
reads from it, reads through here (a test holds that).
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

_BLOCK_BYTES = 2**20
LARGEST_FILE = 64 * 2**20  # bytes; far above any sentinel, table or workflow log that people keep
_KINDS = {
    stat.S_IFIFO: "a named pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}  # fmt: skip


def open_file(path: Path) -> BinaryIO:
    """A regular file, or a link to one, opened for reading.

    Raises OSError: IsADirectoryError for a folder, EINVAL with the kind in words for pipes, devices and sockets.
    """
    _refuse(path, os.stat(path).st_mode)  # to open a device may already do something
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse(path, os.fstat(handle).st_mode)
        return cast(BinaryIO, os.fdopen(handle, "rb"))
    except BaseException:
        os.close(handle)
        raise


def _refuse(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    raise OSError(number, f"it is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file", str(path))


def read_bytes(path: Path, limit: int = LARGEST_FILE) -> bytes:
    """A whole file. Raises OSError, with EFBIG for one that is larger than the limit in bytes."""
    with open_file(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit / 2**20:g} MiB", str(path))
    return data


def read_text(path: Path, limit: int = LARGEST_FILE) -> str:
    """The same as text; bytes that are no UTF-8 become U+FFFD."""
    return read_bytes(path, limit).decode("utf-8", "replace")


def copy_file(path: Path, to: Path, limit: int) -> None:
    """Copy a file's content. Raises OSError, with EFBIG for one that is larger than the limit in bytes."""
    with open_file(path) as stream, to.open("wb") as copy:
        left = limit
        while block := stream.read(min(left + 1, _BLOCK_BYTES)):
            left -= len(block)
            if left < 0:
                raise OSError(errno.EFBIG, f"it is larger than {limit / 2**20:g} MiB", str(path))
            copy.write(block)


def read_head(path: Path, limit: int) -> str:
    """The beginning of a file, at most so many bytes, as text. Raises OSError."""
    with open_file(path) as stream:
        return stream.read(limit).decode("utf-8", "replace")


def read_tail(path: Path, limit: int) -> str:
    """The end of a file, at most so many bytes, as text. Raises OSError."""
    with open_file(path) as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - limit))
        return stream.read(limit).decode("utf-8", "replace")


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all: a temporary file beside it, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    # os.umask can only be read by setting it; the value of this process does not change while it runs.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
