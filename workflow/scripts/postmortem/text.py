"""Cleaning of text: terminal codes and control characters out, secrets redacted, nothing that JSON cannot hold.

A log's lines are cleaned as they are read; whatever else comes from a project, names, reasons, values of tables, passes
`presentable` on its way into facts.json, a diagnosis, a sentinel, and `safe` on its way to a terminal.
"""

from __future__ import annotations

import re
from typing import Any

from .redaction import redact, redact_blocks

__all__ = ["clean", "one_line", "presentable", "redact", "redact_blocks", "safe", "visible"]

# CSI and OSC sequences, character sets ("\x1b(B" of tput sgr0), two-byte escapes.
_TERMINAL_CODE = re.compile(
    r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/][ -/]{0,8}[0-~]|[0-Z\\-~])"
)
_OF_RECORDS = ("value", "text", "then", "now", "message", "source", "line", "note", "reason")
# Every other control character but tab, and what is invisible or turns the direction of reading: a quote must show
# what it holds, and a pattern must find it.
_CONTROL = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


# Without a desktop MATLAB marks what it would show in red by a brace that a backspace takes away.
_ERROR_BEGINS, _ERROR_ENDS = ("{\b", ""), ("}\b", "")


def clean(raw: bytes) -> str:
    """A line's bytes as safe text: decoded, without terminal codes and control characters, secrets redacted."""
    return redact(visible(raw))


def visible(raw: bytes) -> str:
    """A line's bytes as clean() gives them, secrets included: only for what is never shown or kept."""
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = _CONTROL.sub("", _TERMINAL_CODE.sub("", text.replace(*_ERROR_BEGINS).replace(*_ERROR_ENDS)))
    return text


def safe(text: str) -> str:
    """Text as it may be shown anywhere; its lines stay, and what is no character becomes U+FFFD."""
    if not text.isprintable():
        text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        text = "\n".join(_CONTROL.sub("", _TERMINAL_CODE.sub("", line)) for line in text.split("\n"))
    return redact(text)


def presentable(value: Any, name: str = "") -> Any:
    """The same value of plain types with every text safe, and with integers that JSON's readers take.

    name: the key under which it stands, for a secret is known by its name: {"DB_PASS": "x"}.
    """
    if isinstance(value, str):
        return safe(f"{name}: {value}").removeprefix(f"{name}: ") if name and value else safe(value)
    if isinstance(value, dict):
        return {_key(key): presentable(item, _name(key, value, name)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [presentable(item, name) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return f"an integer of {value.bit_length()} bits"
    return value


def _key(key: Any) -> Any:
    return safe(key) if isinstance(key, str) else key


def _name(key: Any, record: dict[Any, Any], above: str) -> str:
    """What a value of a mapping is called: lr in {"lr": {"value": 0.1}} and in {"name": "lr", "value": 0.1}."""
    if key in _OF_RECORDS:
        called = record.get("name") or record.get("path")
        return called if isinstance(called, str) else above
    return key if isinstance(key, str) else ""


def one_line(text: str, limit: int) -> str:
    """Text without line breaks, cut to `limit` characters with an ellipsis.

    Secrets go before the cut: what is left of one after it may be too short to be known as one.
    """
    text = redact(" ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
