"""Calls that lack an argument: what is called is right, and the way to call it is known."""

from __future__ import annotations

import re

from ...findings import Fix
from ..code import with_argument
from .case import Case

# What the message says → the function's name in the line, the argument, and the words for it.
_LACKING = (
    (
        r"^\[Errno 17\] File exists",
        (r"makedirs|\.mkdir", "exist_ok=True", "Let it be there already: it is left from an earlier attempt."),
    ),
    (
        r"Object of type \w*(?:float|int|bool_?|ndarray|Tensor)\d* is not JSON serializable",
        (r"json\.dumps?", "default=lambda value: value.tolist()", "Write the values of NumPy and torch as plain ones."),
    ),
    (
        r"^load\(\) missing 1 required positional argument: 'Loader'",
        (r"yaml\.load", "Loader=yaml.SafeLoader", "Say how YAML is to be read, as its releases since 6 want it."),
    ),
    (
        r"Object of type (?:\w*Path|datetime|date|Timestamp|Timedelta|device|dtype|UUID) is not JSON serializable",
        (r"json\.dumps?", "default=str", "Write what JSON does not know as a text."),
    ),
)


def lacking(case: Case) -> Fix | None:
    """The own frame's call with the argument that the message asks for."""
    for said, (call, argument, text) in _LACKING:
        if re.search(said, case.message):
            return case.rewritten(with_argument(case.line, call, argument), text)
    return None


REPAIRS = (lacking,)
