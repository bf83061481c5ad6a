"""Where a file lies: its name in reports, its times, and why it cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from .facts import ABSENT, UNREADABLE, Source


def relative(path: Path, root: Path) -> str:
    """The path as reports show it: relative to the project's root, absolute if it lies outside."""
    try:
        return str(path.relative_to(root))
    except ValueError:
        return str(path)


def same_folder(one: str | Path, other: str | Path) -> bool:
    """Whether two names are of one folder. A text that is no name of a file (accounting holds any) is of none."""
    try:
        return bool(one) and (str(one) == str(other) or os.path.realpath(one) == os.path.realpath(other))
    except (OSError, ValueError):
        return False


def names(path: str, tail: str) -> bool:
    """Whether a path ends in another one by whole components: `/p/src/train.py` in `src/train.py`, not in `rain.py`."""
    return bool(tail) and f"/{path}".endswith(f"/{tail.removeprefix('./')}")


def modified(path: Path) -> str:
    """Time of the last change, ISO 8601 local time, seconds; empty if the file cannot be asked."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).isoformat(timespec="seconds")
    except (OSError, OverflowError, ValueError):
        return ""


def unreadable(path: Path, root: Path, error: OSError) -> Source:
    """The Source of a file that could not be opened: absent and forbidden told apart."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Source(relative(path, root), ABSENT, "there is no such file")
    if isinstance(error, PermissionError):
        return Source(relative(path, root), UNREADABLE, f"permission denied (mode {_mode(path)})")
    return Source(relative(path, root), UNREADABLE, error.strerror or type(error).__name__)


def _mode(path: Path) -> str:
    try:
        return f"{os.stat(path).st_mode & 0o7777:o}"
    except OSError:
        return "unknown"


def folders_in(parent: Path) -> list[Path]:
    """The folders in a folder by name, hidden ones left out; none where it cannot be read."""
    try:
        return sorted(entry for entry in parent.iterdir() if not entry.name.startswith(".") and entry.is_dir())
    except OSError:
        return []


def folders_two_below(parent: Path) -> Iterator[Path]:
    """The folders in the folders of a folder, as folders_in gives them."""
    return (folder for between in folders_in(parent) for folder in folders_in(between))
