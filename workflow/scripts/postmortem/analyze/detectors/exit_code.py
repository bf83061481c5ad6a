"""What the exit code says that a sentinel or Snakemake recorded: a signal, or one of the shell's own codes.

An exit code alone is a symptom: it says how a process ended, hardly ever why. The codes are bash's ("Exit Status" in
its manual) and those of coreutils' timeout.
"""

from __future__ import annotations

import re

from ...facts import Line, RunFacts
from ..findings import SYMPTOM, Evidence, Finding, Fix
from ..remedies.run_again import rerun
from ..remedies.submission import submit_again

TIMED_OUT, TIMEOUT = 124, "timeout"
SIGNAL_BASE = 128  # a shell reports a child that died of signal n as 128 + n
_BY_CODE: dict[int, tuple[str, str, float]] = {
    TIMED_OUT: ("run.interrupted", "the command timeout(1) ended it when its time was over", 0.6),
    126: ("io.permission", "a command was found, but could not be executed", 0.4),
    127: ("env.activation", "the shell did not find a command", 0.6),
}
_BY_SIGNAL: dict[int, tuple[str, str, float]] = {
    2: ("run.interrupted", "it was interrupted (SIGINT)", 0.6),
    4: ("host.crash", "it died of an illegal instruction (SIGILL)", 0.6),
    6: ("host.crash", "it aborted (SIGABRT)", 0.5),
    7: ("host.crash", "it died of a bus error (SIGBUS)", 0.5),
    8: ("host.crash", "it died of an arithmetic error (SIGFPE)", 0.55),
    9: ("host.killed", "it was killed (SIGKILL); nothing says that memory was the reason", 0.55),
    11: ("host.crash", "it crashed (SIGSEGV)", 0.6),
    15: ("run.interrupted", "it was asked to end (SIGTERM)", 0.6),
}


# coreutils: timeout [OPTION] DURATION COMMAND, in seconds if no letter says otherwise.
_TIME_LIMIT = re.compile(r"(?<![\w-])timeout\s+(?:-\S+\s+(?:\w+\s+(?=\d))?)*(?P<limit>\d+(?:\.\d+)?[smhd]?)\s")
_OF_THE_WORKFLOW = ("snakemake", "console")
_UNITS = {"m": "min", "h": "h", "d": "d"}


def detect(facts: RunFacts) -> list[Finding]:
    """The finding of the exit code in the run's sentinel; none for the codes that say only that it failed."""
    code = facts.sentinel.get("exit_code")
    if isinstance(code, bool) or not isinstance(code, int):
        return []
    number = code if code >= 0 else SIGNAL_BASE - code  # Python's subprocess reports a signal as its negative
    meaning = _BY_CODE.get(number) or _BY_SIGNAL.get(number - SIGNAL_BASE)
    if meaning is None:
        return []
    cause, words, confidence = meaning
    evidence = [Evidence(f"{facts.directory}/.failed", f'"exit_code": {code}', None, "slurm", "the sentinel")]
    limit = ""
    if number == TIMED_OUT and (told := _told_limit(facts)):
        path, line, limit = told
        evidence.append(Evidence(path, line.text.strip(), line.number, "snakemake", f"a limit of {limit}"))
    return [
        Finding(
            cause,
            f"exit code {code}",
            SYMPTOM,
            confidence,
            "exit code",
            f"The job ended with exit code {code}: {words}{f', {limit}' if limit else ''}.",
            evidence,
            [_again(facts, limit)] if cause == "run.interrupted" else [],
            captures={"ended_by": TIMEOUT} if number == TIMED_OUT else {},
        )
    ]


def _told_limit(facts: RunFacts) -> tuple[str, Line, str] | None:
    """(log, line, limit in words) of the rule's command that started the run under timeout(1)."""
    for log in facts.logs:
        for line in log.lines if log.role in _OF_THE_WORKFLOW else ():
            found = _TIME_LIMIT.search(line.text) if facts.directory in line.text else None
            if found:
                number, unit = found["limit"].rstrip("smhd"), found["limit"][-1]
                return log.source.path, line, f"{number} {_UNITS.get(unit, 's')}"
    return None


def _again(facts: RunFacts, limit: str) -> Fix:
    text = "Run it again; if a time limit ended it, with more time, or from its last checkpoint."
    if limit:
        text = f"If its settings are right, give it more than the {limit} of the timeout(1) that started it."
        return Fix(text, submit_again(facts) or None)
    return Fix(text, submit_again(facts) or rerun(facts) or None)
