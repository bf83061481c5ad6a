"""What a check in the project's own code speaks about, by the words of its message; and files that are not there."""

from __future__ import annotations

import re

from ..findings import GENERIC, WRAPPER
from .tables import THEMES

MESSAGE_CHARACTERS = 500  # of a check's message; what it is about stands at its beginning
_CHECKPOINT_PATH = re.compile(
    r"\.(?:pt|pth|ckpt|bin|safetensors|onnx|h5|tar|index|msgpack)\b['\"]?$|checkpoint|best_model|weights|pytorch_model",
    re.I,
)
_QUOTED = re.compile(r"(?<!\w)'([^'\n]+)'(?!\w)")  # not from "doesn't" to "can't"
_DATA_WORDS = re.compile(
    r"\b(?:data(?:set|frame|loader|base)?|samples?|rows?|columns?|csv|parquet|json|graphs?|edge(?:s|_index)?|"
    r"nodes?|images?|files?|labels?|"
    r"records?|tokens?|sequence|features?|values? of)\b",
    re.I,
)
SHAPE_WORDS = re.compile(r"\bshapes?\b|\bdimensions?\b|\bsize\b.*\bmatch|\bbroadcast", re.I)
# Who lists what there is has been given something else.
_LISTS_WHAT_THERE_IS = re.compile(
    r"\b(?:allowed|valid|permitted|possible|accepted)(?: values| choices| options)?(?: are|:) ?[\['\"(]*\w"
    r"|\bmust be one of\b|\bexpected one of\b|\bchoose (?:one )?(?:from|of|between)\b",
    re.I,
)
# Who started another program tells that it failed; why, that one says.
_OF_ANOTHER_PROGRAM = re.compile(
    r"\b(?:sub-?process|command|job|child|script)\b[^.\n]{0,60}"
    r"\b(?:failed|crashed|died|exited|returned (?:non-?zero|[1-9]))"
    r"|\bfailed (?:job|command|sub-?process|child|script)\b",
    re.I,
)
_NOT_FOUND = re.compile(r"not found|does not exist|doesn't exist|no such|could not find|cannot find|missing", re.I)
_CONFIG_WORDS = re.compile(
    r"config|\bargs?\b|argument|option|param|setting|must be|should be|expected|invalid|unknown|unsupported|"
    r"not supported|choose|got\b|requires?",
    re.I,
)


def missing_file(message: str, files: list[str]) -> tuple[str, str, float]:
    """(cause, role, confidence) of a file that is not there. files: of the exception's frames."""
    if any(f.endswith("subprocess.py") for f in files[-2:]):
        return "env.activation", GENERIC, 0.8
    quoted = _QUOTED.findall(message)
    path = quoted[-1] if quoted else message
    if _CHECKPOINT_PATH.search(path):
        return "model.checkpoint_missing", GENERIC, 0.8
    return "data.missing", GENERIC, 0.75


def on_purpose(name: str, message: str) -> tuple[str, str, float]:
    """A check in the project's own code speaks: what about? Its first line says it, the others give details."""
    whole = message[:MESSAGE_CHARACTERS]
    first = message.strip().split("\n")[0]
    message = (message if first.endswith(":") else first)[:MESSAGE_CHARACTERS]
    for expression, cause, confidence in THEMES:
        if re.search(expression, message, re.IGNORECASE):
            return cause, GENERIC, confidence
    if _OF_ANOTHER_PROGRAM.search(message):
        return "unknown", WRAPPER, 0.1
    if _NOT_FOUND.search(message):
        if _CHECKPOINT_PATH.search(message):
            return "model.checkpoint_missing", GENERIC, 0.75
        if _DATA_WORDS.search(message) or "/" in message:
            return "data.missing", GENERIC, 0.65
    if name in ("KeyError", "IndexError", "AttributeError", "NameError", "NotImplementedError"):
        return "code.bug", GENERIC, 0.6
    if SHAPE_WORDS.search(message):
        return "model.shape_mismatch", GENERIC, 0.6
    if name != "AssertionError" and _DATA_WORDS.search(message) and not _CONFIG_WORDS.search(message):
        return "data.malformed", GENERIC, 0.55
    if name == "AssertionError" and not _CONFIG_WORDS.search(message):
        return "code.bug", GENERIC, 0.55
    return "config.invalid", GENERIC, 0.8 if _LISTS_WHAT_THERE_IS.search(whole) else 0.65
