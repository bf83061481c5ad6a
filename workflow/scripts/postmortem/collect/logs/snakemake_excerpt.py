"""The part of a Snakemake log that concerns one run: a log of twenty failed jobs is not evidence for each of them."""

from __future__ import annotations

import re

from ...facts import SnakemakeJob

_TIME = re.compile(r"\s*\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]")
_NAMES = re.compile(
    r"\s*(?:(?:local)?(?:rule|checkpoint) \S+:|Error in (?:rule|checkpoint) \S+:)\s*$|Finished job|\s*Job \d+: "
)
_JOBID = re.compile(r"\s+jobid: (\S+)|Finished job(?:id)?:? (\d+)|\s*Job (\d+): ")
_BEFORE_ITS_ERROR = re.compile(r"(?:RuleException|WorkflowError|\w+Exception in \w+)\b.*:?$")
_GENERAL = re.compile(r"Shutting down|Exiting because|Complete log|Will exit after|\d+ of \d+ steps")


def lines_of_others(text: str, mine: list[SnakemakeJob]) -> set[int]:
    """Numbers of the lines that belong to jobs other than `mine`. Lines of no job belong to everybody.

    text: the whole log. Snakemake writes a time stamp before whatever it says of a job, and what the submission or
    the job says follows: so the log is cut at the time stamps. Job ids tell the pieces' owners.
    """
    ids = {job.jobid for job in mine}
    others: set[int] = set()
    lines = text.split("\n")  # as the log's lines are counted: progress bars and form feeds end none
    for begin, end in _pieces(lines):
        owner = _owner(lines[begin:end])
        if owner and owner not in ids:
            others.update(n for n in range(begin + 1, end + 1) if not _GENERAL.match(lines[n - 1]))
    return others


def _pieces(lines: list[str]) -> list[tuple[int, int]]:
    """[begin, end) of what is said after each time stamp; an exception is part of the error that follows it."""
    cuts: list[int] = []
    for at, line in enumerate(lines):
        if _TIME.match(line):
            before = next((i for i in range(at - 1, max(-1, at - 12), -1) if _BEFORE_ITS_ERROR.match(lines[i])), None)
            follows = at + 1 < len(lines) and lines[at + 1].lstrip().startswith("Error in")
            cuts.append(before if follows and before is not None and (not cuts or before > cuts[-1]) else at)
    return list(zip(cuts, [*cuts[1:], len(lines)], strict=True))


def _owner(piece: list[str]) -> str:
    if not any(_NAMES.match(line) for line in piece):
        return ""
    match = next((found for line in piece if (found := _JOBID.match(line))), None)
    return next((group for group in match.groups() if group), "") if match else ""
