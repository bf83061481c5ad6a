"""What the lines around a message name: the files that Snakemake lists below it, and what a program said above.

Snakemake's own words say that something is missing; which file it is, and why it was not made, stands beside them.
"""

from __future__ import annotations

import re

from ...collect.logs.statements import Statement
from ...facts import Line
from ...log_prefix import strip_prefix

MOST_FILES = 6  # that are named; the log has the others
LINES_BELOW = 40  # in which the list of files begins and ends
BLOCK_LINES = 12  # of one of Snakemake's messages, from its head to any of its lines
NEXT_LINES = 2  # below a statement, in which its explanation begins
LINES_ABOVE = 60  # of a job's own output that are looked at, from the message upwards
_HEAD = re.compile(r"Missing(?:Input|Output)Exception\b|^Missing input files for rule|Missing files after \d")
# What stands between Snakemake's message and its list of files.
_BETWEEN = re.compile(
    r"^(?:Missing (?:input files|files after)|Job (?:id: )?\d|Job Missing files|This might be due to|Waiting at most|"
    r"\w+(?: \w+)?: |affected files:|(?:output|wildcards|input):)"
)
# Some people paste their logs with numbered lines.
_FILE = re.compile(r"^(?:\d+ +)?(?P<path>(?=\S*[./])[^\s,;:\"'()]+(?: \(directory\))?)$")
_DIRECTORIES = "data|results|reads|samples|fastq|raw"
# Behind the folder the name of a sample: SRR12_1.fq, A.csv.
_GLUED = re.compile(rf"^(?P<folder>{_DIRECTORIES})(?P<name>[A-Z]+(?:\d[\w.-]*|\.[\w.-]+))$")
_QUOTED_WORD = re.compile(r'^"([^"\s]+)"$')
# Where the output of the job ends, seen from below.
_JOB_BEGINS = re.compile(
    r"^\s*(?:\d+ +)?(?:\[\w{3} \w{3} +\d|(?:local)?(?:rule|checkpoint) \S+:$|Finished job|\d+ of \d+ steps)"
)
_SNAKEMAKE = re.compile(
    r"^(?:Waiting at most|Missing(?:Output)?|Job |This might|Removing output|Shutting down|Exiting because|"
    r"WorkflowError|At least one job|Complete log|Select jobs|Execute \d|Activating|reason: |Trying to restart)"
)
_COMPLAINT = re.compile(
    r"\b(?:errors?|exception|fatal|cannot|can't|could ?n[o']t|not found|no such|fail(?:ed|ure)|unable|none of the|"
    r"invalid|denied|refused|no \w+ (?:\w+ )?(?:were|was|found)|aborted|killed)\b",
    re.I,
)
_FRAME = re.compile(r'^File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_HARMLESS = re.compile(r"\bwarn|\b0 (?:errors?|failed)|\bno errors?\b|deprecat|error[_ -]?(?:rate|bar|log|file)", re.I)


def files_of(statement: Statement) -> list[str]:
    """The files that Snakemake lists in a message such as "Missing input files for rule x:"; at most MOST_FILES."""
    head = _head(statement)
    found: list[str] = []
    for line in statement.log.lines:
        if not head < line.number <= head + LINES_BELOW:
            continue
        text = strip_prefix(line.text).body.strip()
        if file := _FILE.match(text):
            found.append(file["path"])
        elif found or not (_BETWEEN.match(text) or line.number == head + 1):
            break
    return found[:MOST_FILES]


def _head(statement: Statement) -> int:
    """The line with which the message begins that the statement is part of."""
    if _HEAD.search(statement.text):
        return statement.line
    above = [line for line in statement.log.lines if 0 < statement.line - line.number <= BLOCK_LINES]
    return next((line.number for line in reversed(above) if _HEAD.search(line.text)), statement.line)


def line_below(statement: Statement) -> str:
    """The line below the first one of a statement, where Snakemake says what is wrong; empty if there is none."""
    if below := statement.text.partition("\n")[2].strip():
        return below.split("\n")[0]
    texts = (line.text for line in statement.log.lines if 0 < line.number - statement.line <= NEXT_LINES)
    text = next((text for line in texts if (text := strip_prefix(line).body.strip()) and text != "Error:"), "")
    word = _QUOTED_WORD.match(text)
    return word[1] if word else text


def place_below(statement: Statement | None) -> dict[str, str]:
    """The innermost of the frames that Snakemake prints below a message of its own; empty texts if it prints none."""
    lines = [] if statement is None or statement.exception else statement.log.lines
    below = [line for line in lines if statement and 0 < line.number - statement.line <= LINES_BELOW]
    frames = [found for line in below if (found := _FRAME.match(strip_prefix(line.text).body.strip()))]
    return frames[-1].groupdict("") if frames else {"file": "", "line": "", "function": ""}


def glued(path: str) -> str:
    """The path with the slash that seems to be missing in its last part ("dataSRR1.fastq"); empty if none does."""
    folder, _, name = path.rpartition("/")
    if not (found := _GLUED.match(name)):
        return ""
    return "/".join(part for part in (folder, found["folder"], found["name"]) if part)


def complaint_above(statement: Statement) -> Line | None:
    """The last complaint of the job's program above a message of Snakemake; None if it said nothing of the kind."""
    head = _head(statement)
    above = [line for line in statement.log.lines if 0 < head - line.number <= LINES_ABOVE]
    for line in reversed(above):
        if _JOB_BEGINS.match(line.text):
            return None
        text = strip_prefix(line.text).body.strip()
        command = line.text.startswith("        ")  # of the rule, as Snakemake prints it
        if command or _SNAKEMAKE.match(text) or _HARMLESS.search(line.text):
            continue
        if _COMPLAINT.search(text):
            return line
    return None
