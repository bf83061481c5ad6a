"""What the catalogue and the detectors conclude from facts: findings, each with its evidence and its fixes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..facts import Position

FATAL, GENERIC, SYMPTOM, HINT, WRAPPER = "fatal", "generic", "symptom", "hint", "wrapper"


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
    """One thing to do. At least one of command, config and file wherever the evidence gives one."""

    text: str
    command: str | None = None
    config: dict[str, Any] | None = None
    file: str | None = None
    line: int | None = None


@dataclass
class Finding:
    """Something that may be the cause, or a consequence of it."""

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
    explained_by: str | None = None
    confirmed_by: list[str] = field(default_factory=list)  # kinds of independent evidence, in words
    refuted_by: list[str] = field(default_factory=list)  # what speaks against it, in words
    would_refute: str = ""  # what would have shown that it is not the cause
