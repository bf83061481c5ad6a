"""Values of the run's configuration that the failure itself corrects: what was refused, and what would have fitted."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ...findings import Fix
from ..code import diff
from .case import SLIP, Case, nearest

_QUOTED = re.compile(r"['\"]([\w.\- ]{1,60})['\"]")
SECONDS = 30  # to wait for a database that others write to
_COUNT = re.compile(
    r"\b(\d+)\s+(?:\w+\s+){0,2}?(?:windows|samples|rows|graphs|images|items|examples|sequences|records)\b"
)
_KEY_AND_CHOICES = re.compile(
    r"\b(?P<key>\w{1,60}) ?= ?'(?P<value>[\w.-]{1,60})', "
    r"(?:allowed|expected|choose|known|valid)(?: \w+){0,2}?:? (?P<choices>[^:\n]{1,300})"
)
_AS_NUMBER = re.compile(
    r"'str' object cannot be interpreted as an integer|not supported between instances of (?:'str' and|'\w+' and 'str')"
    r"|unsupported operand type\(s\) for [^:]+: (?:'str' and|'\w+' and 'str')|must be real number, not str"
    r"|can't multiply sequence by non-int|should be a positive integer value, but got \w+="
)
_REFUSED_TEXT = re.compile(
    r"invalid literal for int\(\) with base 10: '(?P<a>[\d.,]{1,40})'"
    r"|could not convert string to float: '(?P<b>[\d.,]{1,40})'"
)
_INPUT_KEY = re.compile(r"in_|input|feat|channels|dim|width|size")
_CLASSES_KEY = re.compile(r"class|label|out_(?:dim|features|channels)|output_dim")
_DATABASE_WAIT = re.compile(r"(?:db|sqlite|database|busy|lock)\w*timeout|^timeout$")


def comma_too_many(case: Case) -> Fix | None:
    """A configuration that JSON refuses for a comma behind the last value; without it, it can be read."""
    config = case.facts.config
    script = next((s for s in case.facts.scripts if config and s.file == config.source.path), None)
    if script is None or not re.search(r"JSON|Expecting|double quotes|trailing comma", case.said):
        return None
    for number, line in enumerate(script.lines, 1):
        after = next((text.strip() for text in script.lines[number:] if text.strip()), "")
        if not line.rstrip().endswith(",") or not after.startswith(("}", "]")):
            continue
        changed = line.rstrip()[:-1]
        try:
            json.loads("\n".join([*script.lines[: number - 1], changed, *script.lines[number:]]))
        except ValueError:
            continue
        text = f"Take away the comma behind the last value ({script.file}:{number})."
        return Fix(text, None, None, script.file, number, diff(script.file, number, line, changed))
    return None


def refused_value(case: Case) -> Fix | None:
    """A value that is none of those that the message lists: the nearest of them."""
    if found := _KEY_AND_CHOICES.search(case.message):
        choices = [choice.strip(" '\"[]") for choice in re.split(r",| or ", found["choices"])]
        if right := nearest(found["value"], choices, SLIP):
            text = f"Set {found['key']} to {right}, which is one of those that there are."
            return Fix(text, None, {found["key"]: right})
    quoted = _QUOTED.findall(case.message)
    for key, value in case.config.items():
        if not isinstance(value, str) or value not in quoted:
            continue
        known = [word for word in quoted if word != value]
        if right := nearest(value, known, SLIP):
            return Fix(f"Set {key} to {right}, which is one of those that there are.", None, {key: right})
    return None


def text_for_a_number(case: Case) -> Fix | None:
    """A number in quotes, whose key stands in the line that failed."""
    refused = _REFUSED_TEXT.search(case.message)
    if not refused and not _AS_NUMBER.search(case.message):
        return None
    texts = {key: value for key, value in case.config.items() if isinstance(value, str) and _number(value) is not None}
    looked_at = f"{case.line} {case.message}"
    in_line = [key for key in texts if re.search(rf"\b{re.escape(key.rpartition('.')[2])}\b", looked_at)]
    if refused:
        in_line = [key for key in texts if texts[key] == (refused["a"] or refused["b"])]
        texts = {key: str(_number(texts[key].replace(",", "."))) for key in in_line}
    if len(in_line) != 1:
        return None
    key = in_line[0]
    return Fix(f"Write {key} as a number, without quotes.", None, {key: _number(texts[key])})


def _number(text: str) -> int | float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return None if not math.isfinite(value) else int(value) if value.is_integer() and abs(value) < 1e15 else value


def classes(case: Case) -> Fix | None:
    """A label that is as large as the number of classes: there is one more of them."""
    found = re.search(r"Target (\d+) is out of bounds", case.message)
    if not found:
        return None
    label = int(found[1])
    key = _only(case, label, _CLASSES_KEY)
    if not key:
        return None
    text = (
        f"Set {key} to {label + 1}: labels go up to {label} at least. If they should not, map them to 0 … {label - 1}."
    )
    return Fix(text, None, {key: label + 1})


def width(case: Case) -> Fix | None:
    """The input of a layer: what came in has another width than the configuration says."""
    found = re.search(r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)", case.message)
    if not found or not (key := _only(case, int(found[2]), _INPUT_KEY)):
        return None
    return Fix(f"Set {key} to {found[1]}, the width of what comes in.", None, {key: int(found[1])})


def channels(case: Case) -> Fix | None:
    """The channels of a convolution: what comes in has another number than the configuration says."""
    found = re.search(r"to have (\d+) channels, but got (\d+) channels instead", case.message)
    if not found or not (key := _only(case, int(found[1]), _INPUT_KEY)):
        return None
    return Fix(f"Set {key} to {found[2]}, the channels of what comes in.", None, {key: int(found[2])})


def per_cent(case: Case) -> Fix | None:
    """A share that was written in per cent."""
    found = re.search(r"(?:between|in) (?:0|\[0|0\.0) (?:and|to|,) ?1[\].0]*,? but got (\d+(?:\.\d+)?)", case.message)
    value = float(found[1]) if found else 0.0
    keys = [key for key, held in case.config.items() if held == value and not isinstance(held, bool)]
    if not 1 < value <= 100 or len(keys) != 1:
        return None
    text = f"Set {keys[0]} to {value / 100:g}: it is a share, not {value:g} per cent."
    return Fix(text, None, {keys[0]: value / 100})


def width_of_the_checkpoint(case: Case) -> Fix | None:
    """A size in which checkpoint and model differ, and which one key of the configuration gives."""
    shapes = re.findall(
        r"torch\.Size\(\[([\d, ]*)\]\) from checkpoint, the shape in current model is torch\.Size\(\[([\d, ]*)\]\)",
        case.message,
    )
    pairs = set()
    for stored, built in shapes:
        then, now = ([int(size) for size in text.split(",") if size.strip()] for text in (stored, built))
        if len(then) == len(now):
            pairs |= {(a, b) for a, b in zip(then, now, strict=True) if a != b}
    if len(pairs) != 1:
        return None
    then_, now_ = pairs.pop()
    keys = [key for key, value in case.config.items() if value == now_ and not isinstance(value, bool)]
    if len(keys) != 1:
        return None
    text = f"Set {keys[0]} to {then_}, with which the checkpoint was made; for {now_} train anew, without it."
    return Fix(text, None, {keys[0]: then_})


def divisor(case: Case) -> Fix | None:
    """A number of parts that does not divide a width: the largest below it that does."""
    found = re.search(r"\b(\w+)\b[^.]{0,40}\bmust be (?:evenly )?divisible by (?:the )?\b(\w+)\b", case.message)
    whole, parts = (_value(case, found[1]), _value(case, found[2])) if found else (None, None)
    if not whole or not parts or whole[1] % parts[1] == 0:
        return None
    fitting = next(number for number in range(min(parts[1], whole[1]), 0, -1) if whole[1] % number == 0)
    if fitting == 1:
        return None
    return Fix(f"Set {parts[0]} to {fitting}, which divides {whole[0]} {whole[1]}.", None, {parts[0]: fitting})


def _value(case: Case, name: str) -> tuple[str, int] | None:
    found = [(key, value) for key, value in case.config.items() if key.rpartition(".")[2] == name]
    key, value = found[0] if len(found) == 1 else ("", None)
    return (key, value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def loader_without_workers(case: Case) -> Fix | None:
    """Options of a DataLoader that only workers need, beside num_workers 0."""
    if re.search(r"persistent_workers option needs num_workers > 0", case.message):
        key, off = "persistent_workers", False
    elif re.search(r"prefetch_factor option could only be specified", case.message):
        key, off = "prefetch_factor", None
    else:
        return None
    held = next((name for name in case.config if name.rpartition(".")[2] == key), "")
    if not held:
        return None
    return Fix(f"Set {held} to {'false' if off is False else 'null'}: num_workers is 0.", None, {held: off})


def empty_loader(case: Case) -> Fix | None:
    """A division by the number of batches where a batch is larger than the data, whose number the log tells."""
    divides = re.search(r"/\s*(?:max\(.*)?len\((?:\w+\.)*\w*(?:loader|batches|dl)\w*\)", case.line, re.I)
    if case.type != "ZeroDivisionError" or not divides:
        return None
    batch = next(((k, v) for k, v in case.config.items() if k.rpartition(".")[2] == "batch_size"), None)
    if batch is None or not isinstance(batch[1], int):
        return None
    counts = [int(n) for log in case.facts.logs for line in log.lines for n in _COUNT.findall(line.text[:400])]
    below = [count for count in counts if 0 < count < batch[1]]
    if not below:
        return None
    size = 2 ** int(math.log2(min(below)))
    text = f"Set {batch[0]} to {size}: a batch of {batch[1]} is more than the {min(below)} that there are, and dropped."
    return Fix(text, None, {batch[0]: size})


def database_wait(case: Case) -> Fix | None:
    """A database that others write to: wait for them."""
    if "database is locked" not in case.message:
        return None
    for key, value in case.config.items():
        if isinstance(value, int | float) and value < SECONDS and _DATABASE_WAIT.search(key.rpartition(".")[2]):
            text = f"Set {key} to {SECONDS} s, so that it waits for the others (now {value:g} s)."
            return Fix(text, None, {key: SECONDS})
    return None


def port(case: Case) -> Fix | None:
    """A port of the configuration that somebody else has."""
    if not re.search(r"Address already in use|EADDRINUSE", case.said):
        return None
    for key, value in case.config.items():
        if isinstance(value, int) and "port" in key.lower() and re.search(rf"\b{value}\b", case.said):
            other = value + 1 if value < 65535 else value - 1
            return Fix(f"Set {key} to another port, such as {other}: somebody listens on {value}.", None, {key: other})
    return None


def _only(case: Case, value: Any, key: re.Pattern[str]) -> str:
    """The one key of such a name that has a value; empty if there are several."""
    keys = [name for name, held in case.config.items() if held == value and not isinstance(held, bool)]
    named = [name for name in keys if key.search(name.lower())]
    return named[0] if len(named) == 1 else ""


REPAIRS = (
    comma_too_many,
    refused_value,
    text_for_a_number,
    classes,
    width,
    channels,
    per_cent,
    width_of_the_checkpoint,
    divisor,
    loader_without_workers,
    empty_loader,
    database_wait,
    port,
)
