"""What an error line or exception that nothing else knows is about, by its words.

Most programs say in one line, with "error" before it, what they miss. Where no entry tells why a run failed, that line
is the best that there is: a guess at the kind, which gives way to everything that is known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..collect.logs.statements import ERROR, EXCEPTION, LINE, Statement
from .causes import meanings
from .error_words import THEMES, TO_DO
from .findings import SYMPTOM, Evidence, Finding, Fix
from .remedies.around_statement import line_below

CONFIDENCE = 0.45  # by itself; below resolve.GUESS, so that what is known comes first
MOST = 3  # of a log, the last ones
LAST_STATEMENTS = 500  # of a log, that are looked at: what stands long before the end did not make it
LONGEST = 400  # characters of a line that are read, and quoted in a fix

# What begins an error line that no logger wrote: "(ERR): ", "[E::hts_open] ", "== Error ==", "EXITING …",
# "tool: error", "Evaluation failed: …"
_HEAD = re.compile(
    r"^(?:\W{0,4}(?:error|err|erro|fatal|fatal error|exiting)\b|\[E::\w+\]|A USER ERROR)|"
    r"^[\w./-]{1,40}: (?:error|fatal)\b|\b(?:ERROR|FATAL)\b|"
    r"^[A-Z][\w-]*(?: [\w-]+){0,4} (?:failed|crashed): (?=\S)|(?:\. |: )Aborting\b|^Can(?:not|'t) ",
    re.I,
)
# What workflow managers, launchers and shells say of the failure of something else.
_ABOUT_ANOTHER = re.compile(
    r"^(?:Error in (?:rule|job|group|checkpoint)\b|Error executing process|Exiting because|WorkflowError|srun: |"
    r"slurmstepd|g?make(?:\[\d+\])?: |Traceback|Error: Process )|\bcmd: |exit(?:ed)? (?:code|status|with)|"
    r"returned non-zero|(?:see|check) (?:the )?log|\bretry|\b0 errors?\b",
    re.I,
)
_THEMES = [(re.compile("|".join(words), re.I), cause) for cause, words in THEMES]


def guesses(statements: Sequence[Statement], known: set[int]) -> list[tuple[Statement, Finding]]:
    """What the last errors of a log are about. known: id() of the statements that something else speaks about."""
    found: list[tuple[Statement, Finding]] = []
    for statement in reversed(statements[-LAST_STATEMENTS:]):
        if id(statement) in known or statement.kind not in (ERROR, EXCEPTION, LINE) or statement.handled:
            continue
        said = _said(statement)
        if said and (cause := next((cause for theme, cause in _THEMES if theme.search(said)), None)):
            found.append((statement, _finding(statement, said, cause)))
            if len(found) == MOST:
                break
    return found


def tells_an_error(text: str) -> bool:
    """Whether a line begins or is headed as programs tell an error of their own, not that of something else."""
    return bool(_HEAD.search(text)) and not _ABOUT_ANOTHER.search(text)


def _said(statement: Statement) -> str:
    """An error of a program in one line, with the line below where it ends in a colon; empty if it is none."""
    text = " ".join(statement.text[:LONGEST].split())
    if not tells_an_error(text) if statement.kind == LINE else _ABOUT_ANOTHER.search(text):
        return ""
    return f"{text} {line_below(statement)}"[:LONGEST] if text.endswith(":") else text


def _finding(statement: Statement, said: str, cause: str) -> Finding:
    return Finding(
        id=cause,
        title=f"{meanings()[cause]} (an error line)",
        role=SYMPTOM,
        confidence=CONFIDENCE,
        entry="error line",
        root_cause=f"The program says: {said}",
        evidence=[Evidence(statement.log.source.path, statement.text, statement.line)],
        position=statement.position,
        fix=[Fix(f"{TO_DO[cause]} {said}")],
        made_in="scripts/postmortem/analyze/plain_errors.py",
    )
