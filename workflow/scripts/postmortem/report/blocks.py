"""The quotes as a page shows them: what stands together is one block, and what is repeated is shown once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..log_prefix import strip_prefix

APART = 2  # lines between two quotes from which they are two blocks
REPEATS_NAMED = 5  # lines of a repeated quote that are named


@dataclass
class Block:
    """Quotes of one file, with the lines around them. rows: (text, whether it is quoted) by line number."""

    source: str
    line: int | None
    finding: str
    rows: dict[int, tuple[str, bool]]
    text: str = ""  # of a quote without a line
    notes: list[str] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)  # lines at which another rank or attempt says the same

    @property
    def note(self) -> str:
        """What is said of the quotes."""
        return "; ".join(dict.fromkeys(note for note in self.notes if note))

    @property
    def repeats(self) -> str:
        """How often the same is said elsewhere in the file; empty if it is not."""
        if not self.repeated:
            return ""
        more = ", …" if len(self.repeated) > REPEATS_NAMED else ""
        times = "once" if len(self.repeated) == 1 else f"{len(self.repeated)} times"
        return f"{times} more: {', '.join(map(str, self.repeated[:REPEATS_NAMED]))}{more}"


def blocks(evidence: Iterable[dict[str, Any]]) -> list[Block]:
    """The items of diagnosis.json's evidence as blocks, in their order."""
    made: list[Block] = []
    said: dict[tuple[str, str, str], Block] = {}
    for item in evidence:
        words = (item["source"], item["finding"], _words(item["text"]))
        if item.get("kind") == "log" and item.get("line") is not None and words in said:
            said[words].repeated.append(item["line"])
            continue
        block = _near(made, item) or Block(item["source"], item.get("line"), item["finding"], {}, item["text"])
        block.notes.append(item.get("note") or "")
        for number, row in _rows(item).items():
            block.rows[number] = (row[0], row[1] or block.rows.get(number, ("", False))[1])
        if all(block is not other for other in made):
            made.append(block)
        said.setdefault(words, block)
    return made


def _near(made: list[Block], item: dict[str, Any]) -> Block | None:
    rows = _rows(item)
    of_it = [b for b in made if rows and b.rows and (b.source, b.finding) == (item["source"], item["finding"])]
    near = (b for b in of_it if min(rows) - APART < max(b.rows) and min(b.rows) - APART < max(rows))
    return next(near, None)


def _rows(item: dict[str, Any]) -> dict[int, tuple[str, bool]]:
    if item.get("line") is None:
        return {}
    around = [*(item.get("before") or []), *(item.get("after") or [])]
    rows = {line["number"]: (line["text"], False) for line in around}
    return rows | {item["line"] + i: (text, True) for i, text in enumerate(item["text"].split("\n"))}


def _words(text: str) -> str:
    """What is said, whichever rank, process or time says it."""
    return re.sub(r"\d+", "0", strip_prefix(text.split("\n", 1)[0]).body)
