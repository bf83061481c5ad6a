"""How a program's output ends: with an uncaught exception or another fatal line, or not.

Cheap, for discovery only: it looks at the last lines and says whether the program died, not of what.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .. import times
from ..files import open_file
from ..log_prefix import REPORTED_ONLY
from ..project.profile import compiled

HEAD_BYTES = 16 * 1024  # enough for the first time stamp after a banner
TAIL_BYTES = 64 * 1024  # enough for the longest tracebacks; bounds the work for 500 runs

_LAST_LINES = 8  # SLURM and the shell add a few lines after the one that tells

_EXCEPTION = re.compile(
    r"^(?:\[rank\d+\]:\s*)?(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Failure)(?::|$)"
)
# What a traceback ends in, whatever the exception is called: "zipfile.BadZipFile: …", "_queue.Empty", "Stop".
_RAISED = re.compile(r"^(?:\[rank\d+\]:\s?)?[A-Za-z_]\w*(?:\.\w+)*(?::\s|:?$)")
_FRAME = re.compile(r"^(?:\[rank\d+\]:)?\s+\S")
_FATAL = re.compile(
    r"Segmentation fault|\(core dumped\)|^Aborted$|Bus error|\bKilled\b|^Terminated$|oom[-_]kill|Out Of Memory"
    r"|DUE TO (?:TIME LIMIT|NODE FAILURE|PREEMPTION)|CANCELLED AT|Fatal Python error|^terminate called"
    r"|command not found$|line \d+: .*(?:No such file or directory|Permission denied)$"
    r"|error: (?:argument|unrecognized arguments|the following arguments|invalid choice)"
    r"|^(?:srun|slurmstepd(?:-\S+)?|sbatch): error: |Received SIGTERM|std::bad_alloc|can't open file '"
    r"|returned non-zero exit status|No such file or directory$"
)
_FINAL_LINES = 3  # a program says that it is done in its last words
_FINISHED = re.compile(
    r"\b(?:epoch|step|fold|iter\w*)\W{0,3}(\d+)\s*(?:/|of)\s*\1\b|\b(?:finished|done|completed?)\b", re.IGNORECASE
)
_WENT_ON = re.compile(r"\b(?:INFO|DEBUG|WARNING)\b|\d%\||^Epoch \d+", re.IGNORECASE)
_JOB_WORDS = ("JOB ", "StepId=", "step for job ")
_JOB_ID = re.compile(r"(?:\bJOB |StepId=|\bstep for job )(\d+(?:_\d+)?)")


@dataclass(frozen=True)
class Ending:
    """How one log ends.

    fatal: the line that tells, or empty. succeeded: the profile's success_line is there. finished: its last lines are
    those of work that was done to its end. first, last: time stamps at
    its beginning and end. job_id: of the SLURM job that slurmstepd or srun name in it.
    """

    path: Path
    size: int = 0
    fatal: str = ""
    succeeded: bool = False
    finished: bool = False
    first: datetime | None = None
    last: datetime | None = None
    job_id: str = ""


def read(path: Path, success_line: str = "") -> Ending | None:
    """Look at a log's head and tail. None if it is not there or cannot be read."""
    try:
        with open_file(path) as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            head = stream.read(HEAD_BYTES)
            stream.seek(max(0, size - TAIL_BYTES))
            tail = stream.read(TAIL_BYTES)
    except OSError:
        return None
    head_text, tail_text = head.decode("utf-8", "replace"), tail.decode("utf-8", "replace")
    named = _JOB_ID.findall(tail_text) if any(word in tail_text for word in _JOB_WORDS) else []
    return Ending(
        path=path,
        size=size,
        fatal=fatal_line(tail_text),
        succeeded=bool(success_line and compiled(success_line).search(tail_text)),
        finished=any(_FINISHED.search(line) for line in tail_text.splitlines()[-_FINAL_LINES:]),
        first=times.first_in(head_text),
        last=times.last_in(tail_text),
        job_id=named[-1] if named else "",
    )


def fatal_line(tail: str) -> str:
    """The line that shows that the program died, if the tail of its output ends so; else an empty string."""
    lines = [line for line in tail.splitlines() if line.strip()]
    start = _last_traceback(lines)
    while start and REPORTED_ONLY.match(lines[start - 1]):  # what a dying interpreter, or a logger, could not do
        lines = lines[: start - 1]
        start = _last_traceback(lines)
    return _uncaught(lines, start) or _last_words(lines)


def _last_traceback(lines: list[str]) -> int | None:
    return next((i for i in range(len(lines) - 1, -1, -1) if "Traceback (most recent call last):" in lines[i]), None)


def _uncaught(lines: list[str], start: int | None) -> str:
    """The exception of the last traceback, unless the program went on after it."""
    if start is None:
        return ""
    for at in range(start + 1, len(lines)):
        if _EXCEPTION.match(lines[at]) or (_RAISED.match(lines[at]) and _FRAME.match(lines[at - 1])):
            return "" if _goes_on(lines[at + 1 :]) else lines[at].strip()
    return ""


def _last_words(lines: list[str]) -> str:
    last = lines[-_LAST_LINES:]
    for at in range(len(last) - 1, -1, -1):
        said = _FATAL.search(last[at]) or (at == len(last) - 1 and _EXCEPTION.match(last[at]))
        if said and not _goes_on(last[at + 1 :]):
            return last[at].strip()
    return ""


def _goes_on(lines: list[str]) -> bool:
    return any(_WENT_ON.search(line) for line in lines)
