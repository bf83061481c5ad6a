"""How the run was started: what its job script calls by a wrong name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ....facts import Script
from ...findings import Fix
from ..code import diff
from .case import SLIP, Case, nearest

# What job scripts call.
_COMMANDS = (
    "python", "python3", "bash", "sh", "source", "snakemake", "torchrun", "accelerate", "deepspeed", "srun", "mpirun",
    "sbatch", "module", "conda", "mamba", "pip", "git", "tar", "unzip", "rsync", "mkdir", "export", "echo",
    "nvidia-smi", "singularity", "apptainer", "docker", "julia", "Rscript", "make", "cp", "mv", "cat", "sleep", "time",
    "timeout",
)  # fmt: skip
_COMMAND_NOT_FOUND = re.compile(
    r"(?<!\S)(?P<script>[^\s:]{1,200}): line (?P<line>\d{1,6}): (?P<command>[^\s:]{1,100}): command not found"
)
_CHOICE = re.compile(r"invalid choice: '?(?P<value>[^'\s]+)'? \(choose from (?P<choices>[^)]*)\)")
_UNRECOGNIZED = re.compile(r"unrecognized arguments?:.*?(?P<option>--[\w-]+)|[Nn]o such option:? (?P<click>--[\w-]+)")
_TYPE = re.compile(
    r"argument (?:-\w/)?(?P<option>--[\w-]+): invalid "
    r"(?:int value: '(?P<value>\d+\.0*|\d+e\d+)'|float value: '(?P<comma>\d+,\d+)')"
)
_NO_SCRIPT = re.compile(r"(?:can't open file '|line \d+: |bash: )(?P<path>[^\s':]+)'?: (?:\[Errno 2\] )?No such file")
_OPTION = re.compile(r"(?<![\w-])--[\w-]+")
_MODULE = re.compile(r"No module named '?(?P<module>[\w.]+)'?")


def _jobs(case: Case) -> list[Script]:
    return [script for script in case.facts.scripts if not script.file.endswith((".yaml", ".yml"))]


def command(case: Case) -> Fix | None:
    """A command that the shell does not know: misspelt, or an assignment with blanks around its sign."""
    found = _COMMAND_NOT_FOUND.search(case.said)
    if found is None:
        return None
    script = case.script(found["script"])
    if script is None:
        return None
    word = found["command"]
    spaced = re.compile(rf"(\s*(?:export\s+)?){re.escape(word)}\s+=\s*(\S.*)$")
    # Some shells count lines from the statement's end: the word says which line is meant.
    for number, line in enumerate(script.lines, 1):
        if assigned := spaced.match(line):
            changed = f"{assigned[1]}{word}={assigned[2]}"
            text = f"A shell takes no blanks around the sign of an assignment ({script.file}:{number})."
            return Fix(text, None, None, script.file, number, diff(script.file, number, line, changed))
    right = nearest(word, _COMMANDS)
    return case.in_scripts(word, right, f"Write `{right}` instead of `{word}`", [script]) if right else None


def choice(case: Case) -> Fix | None:
    """A value that is none of an option's choices."""
    found = _CHOICE.search(case.said)
    if not found:
        return None
    choices = [item.strip(" '\"") for item in found["choices"].split(",")]
    value = found["value"]
    right = nearest(value, choices, SLIP)
    return case.in_scripts(value, right, f"Give `{right}` instead of `{value}`", _jobs(case)) if right else None


def option(case: Case) -> Fix | None:
    """An option that the program does not have, spelt nearly as one that its usage lists."""
    found = _UNRECOGNIZED.search(case.said)
    if not found:
        return None
    wrong = found["option"] or found["click"]
    known = {item for log in case.facts.logs for line in log.lines[-60:] for item in _OPTION.findall(line.text[:2000])}
    right = nearest(wrong, known - {wrong})
    return case.in_scripts(wrong, right, f"Write `{right}` instead of `{wrong}`", _jobs(case)) if right else None


def whole_number(case: Case) -> Fix | None:
    """A whole number that is written as one with a fraction, or a fraction with a comma."""
    found = _TYPE.search(case.said)
    if found and (comma := found["comma"]):
        right = comma.replace(",", ".")
        return case.in_scripts(comma, right, f"Write `{right}`, with a point", _jobs(case))
    if not found or not float(found["value"]).is_integer():
        return None
    wrong, right = f"{found['option']} {found['value']}", f"{found['option']} {int(float(found['value']))}"
    return case.in_scripts(wrong, right, f"Write `{right}`, a whole number", _jobs(case))


def module(case: Case) -> Fix | None:
    """A module that `python -m` does not find, spelt nearly as a package of the project."""
    found = _MODULE.search(case.message)
    if not found or case.frame:
        return None
    wrong = found["module"].partition(".")[0]
    for place in case.facts.named_files:
        if place.named == wrong and place.near:
            right = place.near[0].removesuffix(".py")
            return case.in_scripts(wrong, right, f"The package is called {right}, not {wrong}", _jobs(case))
    return None


def script(case: Case) -> Fix | None:
    """A script that `python` or the shell does not find, spelt nearly as one beside it."""
    found = _NO_SCRIPT.search(case.said)
    place = case.named(found["path"]) if found else None
    if found is None or place is None or not place.near:
        return None
    wrong, right = PurePosixPath(found["path"]).name, place.near[0]
    return case.in_scripts(wrong, right, f"The script is called {right}, not {wrong}", _jobs(case))


def package(case: Case) -> Fix | None:
    """A module of a package that is started as a script, and cannot import what stands beside it."""
    if "attempted relative import with no known parent package" not in case.message or not case.code:
        return None
    path = PurePosixPath(case.code.file)
    if len(path.parts) < 2 or path.suffix != ".py":
        return None
    module = ".".join(path.with_suffix("").parts)
    text = f"Start it as a module of its package: `python -m {module}`"
    return case.in_scripts(str(path), f"-m {module}", text, _jobs(case))


def folder(case: Case) -> Fix | None:
    """A folder that the job script goes to, or makes, by a name or in a place that is not there."""
    if found := re.search(r": cd: (?P<folder>[\w./-]{1,200}): No such file", case.said):
        place = case.named(found["folder"])
        if place and place.near:
            return case.in_scripts(found["folder"], place.near[0], f"The folder is called {place.near[0]}", _jobs(case))
    if found := re.search(r"mkdir: cannot create directory .(?P<folder>[\w./-]{1,200}).: No such file", case.said):
        wrong, right = f"mkdir {found['folder']}", f"mkdir -p {found['folder']}"
        return case.in_scripts(wrong, right, "Make the folders above it too", _jobs(case))
    return None


def quote(case: Case) -> Fix | None:
    """A quote that the line in which it begins does not end."""
    found = re.search(
        r"(?<!\S)(?P<script>[^\s:]{1,200}): line (?P<line>\d{1,6}): "
        r"unexpected EOF while looking for matching `(?P<quote>[\"'])'",
        case.said,
    )
    script = case.script(found["script"]) if found else None
    if not found or script is None or not 0 < int(found["line"]) <= len(script.lines):
        return None
    number, mark = int(found["line"]), found["quote"]
    line = script.lines[number - 1]
    if line.count(mark) != 1:
        return None
    text = f"Close the quote ({script.file}:{number})."
    return Fix(text, None, None, script.file, number, diff(script.file, number, line, f"{line}{mark}"))


REPAIRS = (command, choice, option, whole_number, package, module, folder, quote, script)
