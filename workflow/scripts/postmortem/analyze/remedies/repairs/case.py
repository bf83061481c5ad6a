"""A mistake as a repair looks at it: what was said, the line of the project's own code, and where words stand."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ....facts import CodeFrame, Frame, NamedFile, RaisedException, RunFacts, Script
from ....paths import names
from ...exceptions.classify import last_own_frame, own_frame
from ...findings import Fix
from ...resolve import Judgement
from ..code import diff

ALIKE = 0.8  # share of equal letters from which a name is taken for a slip of another one
SLIP = 0.6  # the same, of one of a few that are listed
BELOW, ABOVE = 12, 4  # lines of the log that belong to what is quoted as evidence
_COPY_OF_A_SCRIPT = re.compile(r"\.snakemake/scripts/tmp\w{8}\.([\w.-]{1,200})$")
_WORD = r"[\w.-]"


@dataclass(frozen=True)
class Case:
    """What is to be mended. root: the cause that is named. raised: its exception, if it is one."""

    facts: RunFacts
    root: Judgement | None
    raised: RaisedException | None

    @property
    def cause(self) -> str:
        return self.root.id if self.root else "unknown"

    @cached_property
    def message(self) -> str:
        """The exception's message, else the line that is quoted."""
        if self.raised:
            return self.raised.message
        return self.root.evidence[0].text if self.root and self.root.evidence else ""

    @property
    def type(self) -> str:
        return self.raised.type.rsplit(".", 1)[-1] if self.raised else ""

    @cached_property
    def said(self) -> str:
        """The message with the lines of the log around it."""
        evidence = self.root.evidence[0] if self.root and self.root.evidence else None
        log = next((log for log in self.facts.logs if evidence and log.source.path == evidence.source), None)
        if evidence is None or log is None or not evidence.line:
            words = [line.text for each in self.facts.logs for line in each.lines[-BELOW:]]
            return "\n".join([self.message, *words]) if self.root is None else self.message
        first, last = evidence.line - ABOVE, evidence.line + BELOW
        return "\n".join([self.message, *(line.text for line in log.lines if first <= line.number <= last)])

    @cached_property
    def frame(self) -> Frame | None:
        if self.raised is None:
            return None
        logs = (log for log in self.facts.logs if any(self.raised in t.exceptions for t in log.tracebacks))
        log = next(logs, None)
        return own_frame(self.raised, log) if log else last_own_frame(self.raised)

    @cached_property
    def code(self) -> CodeFrame | None:
        """The own frame's surroundings, where its line still reads as it did when it ran."""
        frame = self.frame
        for code in self.facts.code:
            if frame and code.line == frame.line and names(frame.file, code.file):
                return code
        return None

    @cached_property
    def line(self) -> str:
        """The line of the own frame as it stands in its file, else as the traceback prints it; empty if none tells."""
        if self.frame is None or not self.frame.line:
            return ""
        if self.code is None:
            return self.frame.source
        here = next((item.text for item in self.code.lines if item.number == self.code.line), "")
        return here if here.strip() == self.frame.source.strip() or not self.frame.source else ""

    @property
    def config(self) -> dict[str, Any]:
        """The run's configuration: plain values by dotted keys."""
        return {key: item.value for key, item in self.facts.config.values.items()} if self.facts.config else {}

    def edited(self, wrong: str, right: str, text: str) -> Fix | None:
        """The own frame's line with a whole word replaced; None if it does not hold it."""
        changed = replaced(self.line, wrong, right)
        return self.rewritten(changed, text) if changed else None

    def rewritten(self, changed: str, text: str) -> Fix | None:
        """The own frame's line written otherwise."""
        if self.frame is None or not self.frame.line or not self.line or changed == self.line:
            return None
        if copy := _COPY_OF_A_SCRIPT.search(self.frame.file):
            scripts = [script for script in self.facts.scripts if names(script.file, copy[1])]
            return self.in_scripts(self.line.strip(), changed.strip(), text.rstrip("."), scripts)
        file, line = self.code.file if self.code else self.frame.file, self.frame.line
        return Fix(text, None, None, file, line, diff(file, line, self.line, changed))

    def in_scripts(self, wrong: str, right: str, text: str, only: Iterable[Script] | None = None) -> Fix | None:
        """The one line of the scripts that holds a whole word, with it replaced; None if none does, or several do."""
        places = []
        for script in self.facts.scripts if only is None else only:
            for number, line in enumerate(script.lines, 1):
                if not line.lstrip().startswith("#") and (changed := replaced(line, wrong, right)):
                    places.append((script.file, number, line, changed))
        if len(places) != 1:
            return None
        file, number, line, changed = places[0]
        return Fix(f"{text} ({file}:{number}).", None, None, file, number, diff(file, number, line, changed))

    def script(self, name: str) -> Script | None:
        """The project's script of that name, as the log calls it: with its path, or a part of it."""
        return next((each for each in self.facts.scripts if names(each.file, name)), None)

    def named(self, path: str) -> NamedFile | None:
        """What is at a path that was named."""
        return next((item for item in self.facts.named_files if path in (item.named, item.path)), None)


def replaced(line: str, wrong: str, right: str) -> str:
    """A line with every whole `wrong` in it replaced; empty if there is none."""
    if not wrong:
        return ""
    before = rf"(?<!{_WORD})" if re.match(r"\w", wrong) else ""
    # An attribute is a word of its own, a part of a path is none.
    before = r"(?<![\w-])(?<!/)" if wrong.isidentifier() else before
    changed, count = re.subn(rf"{before}{re.escape(wrong)}(?![\w-])", lambda _: right, line)
    return changed if count and changed != line else ""


def nearest(name: str, known: Iterable[str], share: float = ALIKE) -> str:
    """The one name that `name` is a slip of; empty if none is near enough, or two are equally near."""
    folded = {item: _folded(item) for item in dict.fromkeys(known) if item and item != name}
    scores = sorted((_alike(_folded(name), other), item) for item, other in folded.items())
    if not scores or scores[-1][0] < share or (len(scores) > 1 and scores[-2][0] == scores[-1][0]):
        return ""
    return scores[-1][1]


def _alike(a: str, b: str) -> float:
    """Share of equal letters; two letters that changed places count as one wrong one."""
    swapped = len(a) == len(b) > 3 and any(a[:i] + a[i + 1] + a[i] + a[i + 2 :] == b for i in range(len(a) - 1))
    return 1 - 1 / len(a) if swapped else difflib.SequenceMatcher(None, a, b).ratio()


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
