"""Which Python, folder and node a failure belongs to, as the log tells it."""

from __future__ import annotations

import re
import shlex

from ...collect.logs.statements import Statement
from ...facts import Log, RunFacts
from ..exceptions.packages import interpreter_of

_INTERPRETER = re.compile(r"(?:^|[\s'\"=:(])((?:/[\w.+-]+)+)/lib(?:64)?/python[\d.]+/(?:site|dist)-packages/")
_NODE = re.compile(
    r"(?:^srun: error: (?=[^\s:]+: tasks? \d)|\*\*\* (?:JOB|STEP) \S+ ON |slurmstepd-|error: Node failure on |"
    r"^(?:running on|host(?:name)?|node(?: ?list)?)\s*[:=]\s*|SLURM(?:D_NODENAME|_(?:JOB_)?NODELIST)=)"
    r"([A-Za-z][\w-]*)(?=[\s:.,]|$)",
    re.I,
)
# Snakemake's last line, and what it says of a lock.
_SNAKEMAKE_FOLDER = re.compile(
    r"(?:Complete log(?:\(s\))?: |directory(?: under| in)?:?\n?)\s*(?P<folder>/[^\n]*?)(?:/\.snakemake/log/\S+)?$", re.M
)


def interpreter(facts: RunFacts, statement: Statement | None) -> str:
    """The Python of the environment that the failure happened in, quoted for a shell; "python" where nothing tells."""
    if statement and statement.exception and (found := interpreter_of(statement.exception)):
        return shlex.quote(found)
    for log in [statement.log] if statement else facts.logs:
        for traceback in reversed(log.tracebacks):
            for exception in reversed(traceback.exceptions):
                if found := interpreter_of(exception):
                    return shlex.quote(found)
        for line in reversed(log.lines):
            if named := _INTERPRETER.search(line.text[:2000]):
                return shlex.quote(f"{named[1]}/bin/python")
    return "python"


def node_of(facts: RunFacts) -> str:
    """The node that the job ran on, by the accounting, else by srun or slurmd; empty if there are several or none."""
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    named = {job.node} if job and job.node else set()
    if not named:
        named = {found[1] for log in facts.logs for line in log.lines if (found := _NODE.search(line.text[:500]))}
    node = named.pop() if len(named) == 1 else ""
    return node if re.fullmatch(r"[A-Za-z][\w-]*", node) else ""


def snakemake_folder(facts: RunFacts, statement: Statement | None) -> str:
    """The folder that Snakemake ran in, as its log names it; empty where it does not, or where it is the project's."""
    for text in _texts(facts, statement):
        for found in _SNAKEMAKE_FOLDER.finditer(text):
            folder: str = found["folder"].rstrip("/ .")
            if folder and "/.snakemake" not in folder:
                return folder
    return ""


def _texts(facts: RunFacts, statement: Statement | None) -> list[str]:
    logs: list[Log] = [statement.log] if statement else facts.logs
    return [*([statement.text] if statement else []), *("\n".join(line.text for line in log.lines) for log in logs)]
