"""Cleaning of log text: terminal codes and control characters out, secrets redacted."""

from __future__ import annotations

import re

from .redaction import redact, redact_blocks

__all__ = ["clean", "one_line", "redact", "redact_blocks", "visible"]

# CSI and OSC sequences, character sets ("\x1b(B" of tput sgr0), two-byte escapes.
_TERMINAL_CODE = re.compile(
    r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/][ -/]{0,8}[0-~]|[0-Z\\-~])"
)
# Every other control character but tab, and what is invisible or turns the direction of reading: a quote must show
# what it holds, and a pattern must find it.
_CONTROL = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


def clean(raw: bytes) -> str:
    """A line's bytes as safe text: decoded, without terminal codes and control characters, secrets redacted."""
    return redact(visible(raw))


def visible(raw: bytes) -> str:
    """A line's bytes as clean() gives them, secrets included: only for what is never shown or kept."""
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = _CONTROL.sub("", _TERMINAL_CODE.sub("", text))
    return text


def one_line(text: str, limit: int) -> str:
    """Text without line breaks, cut to `limit` characters with an ellipsis."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
