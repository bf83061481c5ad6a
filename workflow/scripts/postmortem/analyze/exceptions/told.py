"""What a line of code says: the cause, how sure that is, and what to do there."""

from __future__ import annotations

from dataclasses import dataclass

from ...facts import Frame
from ..findings import Fix


@dataclass(frozen=True)
class Told:
    """What the line says: the cause, how sure that is, what happened in words, and what to do."""

    cause: str
    confidence: float
    words: str
    fix: Fix


def place(frame: Frame) -> str:
    """Where the line stands, as a text names it."""
    return f"{frame.file}:{frame.line}"


def fix_at(text: str, frame: Frame) -> Fix:
    """What to do at the line."""
    return Fix(text, None, None, frame.file, frame.line)
