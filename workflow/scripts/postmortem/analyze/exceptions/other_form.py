"""Functions of libraries that take or give something in another form than the code was written for."""

from __future__ import annotations

import re
import shlex

from ...facts import Frame
from ..findings import Fix
from ..remedies.code import substituted
from .told import Told, fix_at, place

_UNPACKED = re.compile(r"values to unpack \(expected (?P<expected>\d+)")
_ENVIRONMENT = re.compile(r"\b\w*env\w*\.(?P<call>step|reset)\(", re.I)
_OLD_RESET = re.compile(r"\breset\(\) takes \d+ positional arguments? but \d+ were given")
_NEW_RESET = re.compile(r"\breset\(\) got an unexpected keyword argument '(?:seed|options|return_info)'")


def other_form(message: str, frame: Frame) -> Told | None:
    """What a library's function takes or gives in another form than the code was written for."""
    unpacked = _UNPACKED.search(message)
    if unpacked and (call := _ENVIRONMENT.search(frame.source)):
        return _environment(call["call"], int(unpacked["expected"]), frame)
    if unpacked and "findContours(" in frame.source:
        fix = fix_at(
            f"In {place(frame)} take two values, `contours, hierarchy = cv2.findContours(…)`: OpenCV 4 gives no image.",
            frame,
        )
        fix.diff = substituted(frame, r"\w+, (\w+, \w+) = ", r"\1 = ") or None
        return Told(
            "code.library_conflict", 0.8, f"`findContours` in {place(frame)} gives two values since OpenCV 4.", fix
        )
    if _ENVIRONMENT.search(frame.source) and (_OLD_RESET.search(message) or _NEW_RESET.search(message)):
        new = bool(_NEW_RESET.search(message))
        text = (
            "Upgrade gym, or the environment, to a release whose `reset` takes this (0.26, or gymnasium)."
            if new
            else "Install the gym that the code was written for, which takes positional arguments of `reset`."
        )
        fix = Fix(
            text,
            f"python -m pip install {shlex.quote('gym>=0.26' if new else 'gym<0.22')}",
            None,
            frame.file,
            frame.line,
        )
        return Told(
            "code.library_conflict", 0.8, f"`reset` in {place(frame)} takes other arguments in the installed gym.", fix
        )
    return None


def _environment(call: str, expected: int, frame: Frame) -> Told:
    words = (
        f"`{call}` of the environment gives another number of values than {place(frame)} takes: gym changed it in 0.26."
    )
    old = (call == "step" and expected == 4) or (call == "reset" and expected == 1)
    text = (
        f"In {place(frame)} take the five values of gym 0.26 and gymnasium (terminated and truncated instead of done), "
        "or install `gym<0.26`."
        if call == "step" and old
        else "Install the gym that the environment was written for (`gym<0.26`), or let the environment return what "
        "gym 0.26 wants: (obs, reward, terminated, truncated, info) from step, (obs, info) from reset."
    )
    fix = Fix(text, None, None, frame.file, frame.line)
    if call == "step" and old:
        fix.diff = substituted(frame, r"^(\s*)(\w+), (\w+), (\w+), (\w+) = (.+\.step\(.+)$",
            r"\1\2, \3, terminated, truncated, \5 = \6; \4 = terminated or truncated",
        ) or None  # fmt: skip
    if not fix.diff:
        fix.command = "python -m pip install 'gym<0.26'"
    return Told("code.library_conflict", 0.8, words, fix)
