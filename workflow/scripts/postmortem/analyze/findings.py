"""What the catalogue, the exceptions and the detectors conclude from facts, and what independent facts say of that.

A value per step, none of which a later step changes: a hit becomes a `Finding`, the checks give it `Support`, both
together are a `Claim`, and the resolver makes a `Judgement` of it (resolve.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from ..facts import Position

FATAL, GENERIC, SYMPTOM, HINT, WRAPPER = ROLES = ("fatal", "generic", "symptom", "hint", "wrapper")
"""What a finding can be: see workflow/catalogue/README.md."""


# Where a sentence ends in our own texts: a path or a number holds no blank behind its full stop.
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z(`\"])")


@dataclass
class Evidence:
    """A quote that can be checked: `text` stands in `source`, at `line` where it has lines."""

    source: str  # path relative to the project, or the command that gave it
    text: str
    line: int | None = None
    kind: str = (
        "log"  # log, slurm, snakemake, config, curve, metrics, checkpoint, data, tracker, code, upstream, good_run
    )
    note: str = ""  # what it says, where the quote does not speak for itself


@dataclass
class Fix:
    """One thing to do. At least one of command, config, diff and file wherever the evidence gives one."""

    text: str
    command: str | None = None
    config: dict[str, Any] | None = None
    file: str | None = None
    line: int | None = None
    diff: str | None = None  # a unified diff


@dataclass
class Finding:
    """Something that may be the cause, or a consequence of it. Its maker fills it in; after that it stays as it is."""

    id: str  # of causes.yaml
    title: str
    role: str = FATAL
    confidence: float = 0.5  # before the resolver weighs all findings together
    entry: str = ""  # catalogue entry "id: title", or the detector's name
    root_cause: str = ""  # plain words with values
    evidence: list[Evidence] = field(default_factory=list)
    fix: list[Fix] = field(default_factory=list)
    prevention: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    explains: list[str] = field(default_factory=list)  # ids, or "group.*", of what may be its consequences
    position: Position = field(default_factory=Position)
    captures: dict[str, str] = field(default_factory=dict)
    upstream_run: str | None = None
    confirmed_by: list[str] = field(default_factory=list)  # kinds of independent evidence, in words
    refuted_by: list[str] = field(default_factory=list)  # what speaks against it, in words
    would_refute: str = ""  # what would have shown that it is not the cause
    clears: str = ""  # the command that takes out of the way what stops any run of this data, whatever else is mended
    placed: bool = False  # found by where it was raised as well as by its words
    made_in: str = ""  # the file with the rule that made it, relative to the repository's workflow/ folder
    by_record: float | None = None  # of a catalogue entry: how sure its pattern and its record make it (record.py)
    strength: str = ""  # how specific the pattern is that found it; "" if none did


@dataclass
class Support:
    """What independent facts say about one finding, and what they add to its words and remedies."""

    confirmed_by: list[str] = field(default_factory=list)
    refuted_by: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    happened: str = ""  # what happened, where it is known better than by the finding's own first sentence
    reason: str = ""  # why, where it is known: instead of the usual reasons that follow the finding's first sentence
    explanation: list[str] = field(default_factory=list)  # sentences that follow the finding's own
    first_fixes: list[Fix] = field(default_factory=list)  # before the finding's own, the last one first
    fixes: list[Fix] = field(default_factory=list)  # after the finding's own
    file: str = ""  # the file that is to be repaired, for fixes that name none
    notes: dict[tuple[str, int | None], str] = field(default_factory=dict)  # source and line of a quote → what it says
    would_refute: str = ""
    upstream_run: str | None = None


@dataclass(frozen=True)
class Claim:
    """A finding with its support: what it says altogether."""

    finding: Finding
    support: Support = field(default_factory=Support)

    @property
    def id(self) -> str:
        return self.finding.id

    @property
    def title(self) -> str:
        return self.finding.title

    @property
    def role(self) -> str:
        return self.finding.role

    @property
    def position(self) -> Position:
        return self.finding.position

    @property
    def confirmed_by(self) -> list[str]:
        return list(dict.fromkeys([*self.finding.confirmed_by, *self.support.confirmed_by]))

    @property
    def refuted_by(self) -> list[str]:
        return list(dict.fromkeys([*self.finding.refuted_by, *self.support.refuted_by]))

    @property
    def would_refute(self) -> str:
        return self.support.would_refute or self.finding.would_refute

    @property
    def upstream_run(self) -> str | None:
        return self.support.upstream_run or self.finding.upstream_run

    @property
    def evidence(self) -> list[Evidence]:
        """The quotes of the finding, then those of its support, each once, with what the support noted on them."""
        items: dict[tuple[str, int | None, str], Evidence] = {}
        for item in (*self.finding.evidence, *self.support.evidence):
            note = self.support.notes.get((item.source, item.line), "")
            noted = replace(item, note="; ".join(filter(None, (item.note, note)))) if note else item
            items.setdefault((item.source, item.line, item.text), noted)
        return list(items.values())

    @property
    def explanation(self) -> str:
        """What happened, then why: the finding's own sentences, or what its support knows better; then what it adds."""
        first, *usual = _SENTENCE_END.split(self.finding.root_cause.strip(), maxsplit=1)
        said = [self.support.happened or first, *([self.support.reason] if self.support.reason else usual)]
        parts = [part for part in (*said, *self.support.explanation) if part] or [""]
        return " ".join([*(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts[:-1]), parts[-1]])

    @property
    def fixes(self) -> list[Fix]:
        fixes = [*reversed(self.support.first_fixes), *self.finding.fix, *self.support.fixes]
        return [replace(fix, file=fix.file or self.support.file) for fix in fixes] if self.support.file else fixes
