"""Whether a remedy changes something, or only looks: who is in a hurry wants what acts first."""

from __future__ import annotations

import re
import shlex

from ..findings import Fix

# Programs that show something, and change nothing.
_LOOKING = {
    "cat", "cd", "df", "diff", "dmesg", "du", "echo", "env", "file", "find", "free", "fuser", "getfacl", "grep", "h5ls",
    "head", "id", "ldd", "less", "ls", "lsof", "namei", "nproc", "nvidia-smi", "pgrep", "ps", "quota", "rg", "sacct",
    "sinfo", "sort", "sprio", "squeue", "stat", "strings", "tail", "tee", "test", "true", "ulimit", "uptime", "wc",
    "which", "[", "curl", "nslookup", "ping", "fi_info", "findmnt", "lscpu", "sacctmgr", "ss", "type", "netstat",
}  # fmt: skip
_LOOKING_WITH = {
    ("git", "blame"), ("git", "diff"), ("git", "log"), ("git", "show"), ("git", "status"), ("conda", "env"),
    ("conda", "list"), ("pip", "check"), ("pip", "index"), ("pip", "list"), ("pip", "show"), ("scontrol", "show"),
    ("snakemake", "-n"), ("snakemake", "--list"), ("snakemake", "--summary"), ("snakemake", "--lint"),
    ("python", "-c"), ("python3", "-c"), ("sed", "-n"), ("module", "spider"), ("module", "avail"), ("module", "list"),
}  # fmt: skip
_LEFT_OPEN = re.compile(r"<[A-Za-z][\w /.:-]*>|(?<![\w.])\.\.\.(?![\w.])|…")
_SHELL_PARTS = re.compile(r"&&|\|\||[;|\n]")
_ASSIGNMENT = re.compile(r"\w+=")


def only_looks(fix: Fix) -> bool:
    """Whether a fix has a command of which no part changes anything, and no value or edit beside it."""
    return bool(fix.command) and not (fix.config or fix.diff) and _command_only_looks(fix.command or "")


def acts(fix: Fix) -> bool:
    """Whether a fix changes something by itself: a value, an edit, or a whole command that does more than look."""
    if fix.command:
        return not only_looks(fix) and not left_open(fix)
    return bool(fix.config or fix.diff)


def left_open(fix: Fix) -> bool:
    """Whether a fix's command has something that a person would have to fill in."""
    return bool(fix.command and _LEFT_OPEN.search(fix.command))


def _command_only_looks(command: str) -> bool:
    for part in _SHELL_PARTS.split(command):
        try:
            words = [word for word in shlex.split(part, comments=True) if not _ASSIGNMENT.match(word)]
        except ValueError:
            return False
        if not words:
            continue
        program = words[0].rsplit("/", 1)[-1]
        module = words[1:3] if program.startswith("python") and words[1:2] == ["-m"] else None
        pair = (words[2], words[3]) if module and len(words) > 3 else (program, words[1] if len(words) > 1 else "")
        if program not in _LOOKING and pair not in _LOOKING_WITH:
            return False
    return True
