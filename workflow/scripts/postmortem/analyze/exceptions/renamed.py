"""Arguments and attributes that a release of a package removed or renamed, asked for by the project's own code."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from ...facts import Frame, RaisedException
from ..findings import Fix
from ..remedies.code import substituted
from ..remedies.releases import Change, argument_change, attribute_change

_ARGUMENT = re.compile(
    r"^(?:(?P<owner>[\w.<>]+)\.)?(?P<function>\w+)\(\) got an unexpected keyword argument '(?P<name>\w+)'"
)
_ATTRIBUTE = re.compile(
    r"^'(?:\w+\.)*(?P<kind>\w+)' object has no attribute '(?P<name>\w+)'|"
    r"^The (?P<name2>\w+) attribute was removed from (?P<kind2>\w+)"
)
_CALLED = re.compile(r"\b(\w+)\(")
_NAME = re.compile(r"[\w.]+")  # what can stand in place of the old name as it is
_WITH_VALUE = re.compile(r"\w+=.+")
# Values with which an argument asks for nothing, unless it is by False that it asks.
_OFF, _OFF_BY_TRUE = r"(?:False|None|0)\b", r"(?:True|None|1)\b"


@dataclass(frozen=True)
class Renamed:
    """What the project's own line asks for, and what became of it."""

    change: Change
    of_call: bool  # an argument, else an attribute
    frame: Frame

    @property
    def words(self) -> str:
        """What happened, without the message."""
        kind = "argument" if self.of_call else "attribute"
        package = self.change.requirement.partition("<")[0]
        return (
            f"The {kind} `{self.change.name}` is gone in the installed {package} ({self.frame.file}:{self.frame.line})"
        )

    def fixes(self, python: str) -> list[Fix]:
        """The line with what stands there now, then the release that still has the old name."""
        name, now = self.change.name, self._now
        place = f"{self.frame.file}:{self.frame.line}"
        text = f"In {place} write `{now}` instead of `{name}`." if now else f"In {place} leave `{name}` out."
        requirement = self.change.requirement
        return [
            Fix(text, None, None, self.frame.file, self.frame.line, self._diff() or None),
            Fix(
                "Or install the release that the code was written for.",
                f"{python} -m pip install {shlex.quote(requirement)}",
            ),
        ]

    @property
    def _now(self) -> str:
        """What stands there now; nothing in place of an argument that asked for nothing."""
        off = _OFF_BY_TRUE if self.change.given == "False" else _OFF
        asked = not self.change.given or not re.search(rf"\b{self.change.name}\s*=\s*{off}", self.frame.source)
        return self.change.now if asked else ""

    def _diff(self) -> str:
        name, now = self.change.name, self._now
        if self.of_call and _WITH_VALUE.fullmatch(now):
            value = rf"{self.change.given}\b" if self.change.given else "[^,()]+"
            return substituted(self.frame, rf"\b{name}\s*=\s*{value}", now)
        if self.of_call and not now:
            return substituted(self.frame, rf",\s*{name}\s*=\s*[^,()]+", "")
        if not _NAME.fullmatch(now):
            return ""
        return substituted(
            self.frame,
            rf"\b{name}(\s*=)" if self.of_call else rf"\.{name}\b",
            rf"{now}\1" if self.of_call else f".{now}",
        )


def renamed(exception: RaisedException) -> Renamed | None:
    """The argument or attribute that a release took away; None where the message tells of none, or nobody knows."""
    kind = exception.type.rsplit(".", 1)[-1]
    frame = next((frame for frame in reversed(exception.frames) if frame.own), None)
    if frame is None or kind not in ("TypeError", "AttributeError"):
        return None
    if found := _ARGUMENT.match(exception.message):
        owner = (found["owner"] or "").rsplit(".", 1)[-1]
        called = [found["function"], *([owner, f"{owner}.{found['function']}"] if owner else [])]
        if found["function"] in ("__init__", "__new__") and not owner:
            called += _CALLED.findall(frame.source)
        change = argument_change(found["name"], called)
        return Renamed(change, True, frame) if change else None
    if found := _ATTRIBUTE.match(exception.message):
        change = attribute_change(found["name"] or found["name2"], found["kind"] or found["kind2"])
        return Renamed(change, False, frame) if change else None
    return None
