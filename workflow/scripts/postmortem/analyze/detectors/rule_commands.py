"""What is wrong with the command of a failed rule, as Snakemake prints it beside the failure.

The lines of a rule's `shell:` are strings that Python joins without a blank, so that a blank which is missing at the
end of one glues an option to the value before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...facts import Line, Log, Position, RunFacts
from ..findings import FATAL, Finding, Fix
from .quoting import quote_line

BLOCK_LINES = 60  # from "Error in rule" to the end of its command
_ERROR = re.compile(r"^\s*Error in rule (?P<rule>\S+):")
_SHELL = re.compile(r"^\s{4,}shell:\s*$")
_SHELL_ENDS = re.compile(r"^\s+\((?:one of the commands|command) exited with non-zero exit code|^\S")
# A value (a number, or a file with its suffix) behind an option, with the next option glued to it.
_GLUED = re.compile(
    r"(?:^|\s)(?P<option>--?[A-Za-z][\w-]{0,60})[ =](?P<value>\d[\d.eE]{0,20}|[\w./~-]{1,200}\.[A-Za-z]\w{0,5})"
    r"(?P<next>--[a-z][a-z_-]{2,60})(?=[\s=])"
)


def detect(facts: RunFacts) -> list[Finding]:
    """workflow.definition where an option of a failed rule's command is glued to the value before it."""
    found: dict[str, Finding] = {}
    for log in facts.logs:
        for rule, line in _commands(log):
            if glued := _GLUED.search(line.text):
                found.setdefault(rule, _finding(log, rule, line, glued))
    return list(found.values())


def _commands(log: Log) -> Iterator[tuple[str, Line]]:
    """The lines of the commands of failed rules, with the rule's name."""
    rule, until, in_shell = "", 0, False
    for line in log.lines:
        if error := _ERROR.match(line.text):
            rule, until, in_shell = error["rule"], line.number + BLOCK_LINES, False
        elif not rule or line.number > until:
            rule = ""
        elif _SHELL.match(line.text):
            in_shell = True
        elif in_shell and _SHELL_ENDS.match(line.text):
            rule = ""
        elif in_shell:
            yield rule, line


def _finding(log: Log, rule: str, line: Line, glued: re.Match[str]) -> Finding:
    option, value, behind = glued["option"], glued["value"], glued["next"]
    finding = Finding("workflow.definition", "Two options are glued", FATAL, 0.75, "detector: rule_commands")
    finding.root_cause = (
        f"The command of rule {rule} has no blank between {value} and {behind}: its program is given "
        f"{option} {value}{behind}."
    )
    finding.evidence = [quote_line(log, line)]
    finding.position = Position(log.source.path, log.role, line.number)
    finding.fix = [
        Fix(
            f"In the `shell:` of rule {rule} put a space between `{value}` and `{behind}`, at the end of the string "
            f"that ends in {value}: `{option} {value} {behind}`. Python joins the strings of a `shell:` without one."
        )
    ]
    finding.prevention = [
        "Write a command as one string in triple quotes; `snakemake -n -p` prints it without running."
    ]
    finding.explains = ["config.invalid", "unknown"]
    finding.would_refute = "a program that takes that value"
    return finding
