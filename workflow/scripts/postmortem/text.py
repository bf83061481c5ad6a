"""Cleaning of log text: terminal codes and control characters out, secrets redacted."""

from __future__ import annotations

import re

# CSI and OSC sequences, two-byte escapes; then every other control character but tab.
_TERMINAL_CODE = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")

REDACTED = "[redacted]"
# Shapes of credentials: the providers' documented prefixes, then `name = value` where the name says it is a secret.
_TOKEN = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}|sk-[A-Za-z0-9_-]{20,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}|npm_[A-Za-z0-9]{36}"
    r"|wandb_v\d_\w{20,}|pypi-[\w-]{30,})"
)
_NAMED = re.compile(
    r"(?i)((?<![a-z])(?:[\w.-]*(?:password|passwd|secret|api[_-]?key|apikey|access[_-]?key|auth[_-]?token|private[_-]?key|"
    r"credentials?)[\w.-]*|[a-z0-9_.-]*[_-]token|token)[\"']?\s*(?:=|:|\s--?\w+\s)\s*[\"']?)([^\s\"',;&)}\]]{6,})"
)
_BEARER = re.compile(r"(?i)\b((?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{16,})")
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,80}:)([^\s@/]{1,200})(@)")
# A cheap test before the expensive ones: no line without one of these can hold a secret of the kinds above.
_SUSPECT = re.compile(
    r"(?i)hf_|gh[pousr]_|github_pat|glpat|sk-|xox|AKIA|AIza|eyJ|npm_|wandb_v|pypi-|pass|secret|key|token|credential|bearer|basic|://"
)
# What stands behind "token:" in error messages of parsers and tokenizers is no secret.
_HARMLESS_VALUE = re.compile(r"^(?:[A-Za-z]{1,24}|\d{1,12}|None|null|True|False|<[^>]*>|\W+|\d+(?:\.\d+)?)$")


def redact(text: str) -> str:
    """Replace what looks like a credential by `[redacted]`."""
    if not _SUSPECT.search(text):
        return text
    text = _TOKEN.sub(REDACTED, text)
    text = _URL_PASSWORD.sub(rf"\1{REDACTED}\3", text)
    text = _BEARER.sub(rf"\1{REDACTED}", text)
    return _NAMED.sub(lambda m: m[0] if _HARMLESS_VALUE.match(m[2]) else m[1] + REDACTED, text)


def clean(raw: bytes) -> str:
    """A line's bytes as safe text: decoded, without terminal codes and control characters, secrets redacted."""
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = _CONTROL.sub("", _TERMINAL_CODE.sub("", text))
    return redact(text)


def one_line(text: str, limit: int) -> str:
    """Text without line breaks, cut to `limit` characters with an ellipsis."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
