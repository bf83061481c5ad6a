"""How Snakemake 5 to 9 writes what its log says of jobs: expressions for single lines, and values out of them."""

from __future__ import annotations

import re
from datetime import datetime

TIME = re.compile(r"\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\]")
HEADER_DATE = re.compile(r"  Date: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
HEADER_SNAKEFILE = re.compile(r"  Snakefile: (.+)")
JOB = re.compile(r"( *)(?:local)?(?:rule|checkpoint) (\S+):$")
JOB_WITH_MESSAGE = re.compile(r"\s*Job (\d+): (.*)")
ERROR = re.compile(r"\s*Error in (?:rule|checkpoint) (\S+):$")
GROUP = re.compile(r"[Gg]roup job (\S+) \(jobs in lexicogr\. order\):")
GROUP_ERROR = re.compile(r"Error in group(?: job)? (\S+?):?$")
ITEM = re.compile(r"\s+([\w-]+): (.*)")
SUBMITTED = re.compile(r"Submitted (?:DRMAA |group )?job (\S+) with external jobid '?(.+?)'?\.?$")
RESUMED = re.compile(r"Resuming incomplete job (\S+) with external jobid '(.+)'")
SUBMITTED_SLURM = re.compile(r"Job (\S+) has been submitted with SLURM jobid (\S+?)(?: \(log: (.+)\))?\.?$")
SUBMITTED_ARRAY = re.compile(
    r"Submitted array job with Snakemake IDs ([\d,]+) and SLURM job ID (\S+?)\. The individual task IDs are (\d+)-"
)
REFUSED = re.compile(r"Error submitting jobscript \(exit code \S+\):|.*SLURM (?:sbatch|job submission) failed")
FINISHED = re.compile(r"Finished job(?:id)?:? (\d+)")
RESTART = re.compile(r"Trying to restart job (\S+?)\.$")
ALL_DONE = re.compile(r"(\d+) of (\d+) steps \(100%\) done|Nothing to be done")
EMBEDDED = re.compile(r"\s*Logfile .+:$")
MISSING_OUTPUT = re.compile(r"MissingOutputException(?: in rule (\S+))?")
PROBLEM = re.compile(
    r"(?P<type>[A-Z]\w*(?:Exception|Error))(?: in (?:rule|checkpoint) (?P<rule>\S+?))?"
    r"(?: in (?:file|line) .*)?:\s*$|Error: (?P<said>Directory cannot be locked|Snakefile .* not found).*"
)

SHELL_END = re.compile(r"\s+\((?:one of the commands|command) exited with non-zero exit code")
SHELL_LINES = 400  # of one command; longer ones are scripts that somebody pasted into a rule


def iso(asctime: str) -> str:
    try:
        return datetime.strptime(asctime, "%a %b %d %H:%M:%S %Y").isoformat()
    except ValueError:
        return ""


def files(text: str) -> list[str]:
    """Snakemake joins file names by ", " and quotes nothing."""
    text = text.removesuffix(" (check log file(s) for error details)")
    return [name for name in text.split(", ") if name]


def wildcards(text: str) -> dict[str, str]:
    return dict(item.split("=", 1) for item in text.split(", ") if "=" in item)


def continues_block(line: str) -> bool:
    """Whether a line belongs to the block of "key: value" lines that stands before it."""
    return line.startswith("    ") and not (JOB.match(line) or ERROR.match(line) or TIME.search(line[:40]))


def after_embedded(lines: list[str], at: int) -> int:
    """The index behind a log that --show-failed-logs put between two lines of "="; `at` if there is none."""
    frame = lines[at].strip() if at < len(lines) else ""
    if len(frame) < 3 or set(frame) != {"="}:
        return at
    return next((end + 1 for end in range(at + 1, len(lines)) if lines[end].strip() == frame), at)


def after_shell(lines: list[str], at: int) -> int:
    """The index behind a shell command that begins at `at`: behind what Snakemake says of its end.

    The lines of a command may have any indent; without that end, the command is what is indented as far as its begin.
    """
    rest = lines[at : at + SHELL_LINES]
    if (end := next((i for i, line in enumerate(rest) if SHELL_END.match(line)), None)) is not None:
        return at + end + 1
    indent = " " * (len(rest[0]) - len(rest[0].lstrip())) if rest else ""
    return at + next((i for i, line in enumerate(rest) if not indent or not line.startswith(indent)), len(rest))
