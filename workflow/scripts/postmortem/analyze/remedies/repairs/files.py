"""Files: what lies there under a near name, what an interrupted run left broken, and what stands in the way."""

from __future__ import annotations

import re
import sys
from pathlib import PurePosixPath

from ....facts import ABSENT, NamedFile
from ....paths import names
from ...findings import Fix
from ..shell import argument
from .case import Case

_NO_SUCH_FILE = re.compile(r"No such file or directory: '(?P<path>[^']+)'|can't open file '(?P<script>[^']+)'")
# What reading a file says that was cut off, emptied or is of another kind.
_BROKEN = re.compile(
    r"Ran out of input|File is not a zip file|Expecting value: line 1 column 1 \(char 0\)|pickle data was truncated"
    r"|failed finding central directory|PytorchStreamReader|Bad magic number|unpickling stack underflow|Error -3 while"
    r"|Compressed file ended before|file is truncated|truncated file|Truncated"
)
_MADE_AGAIN = re.compile(r"(?:^|/)\.?(?:cache\w*|processed|tmp|temp|preprocessed|features)(?:/|$)|\.cache$", re.I)
_SOURCES = (".py", ".sh", ".smk", ".yaml", ".yml", ".toml", ".ipynb", ".err", ".out", ".log")
_LOCK = re.compile(r"(?<!\S)(?P<path>\S{1,300}) (?:is held|already exists|exists)\b")
_LOCK_NAME = re.compile(r"(?:^|[._-])(?:lock|lck)(?:$|[._-])", re.I)  # of a file: `block.csv` holds no lock


def near_name(case: Case) -> Fix | None:
    """A path that is not there, where one that is spelt nearly so is: in the configuration, the code or a script."""
    found = _NO_SUCH_FILE.search(case.message)
    path = found["path"] or found["script"] if found else ""
    place = case.named(path)
    if not path or place is None or place.state != ABSENT or not (place.near or place.near_path):
        return None
    if place.near_path:
        text = f"Name {place.near_path}, which is there, instead of {path}"
        named = next((key for key, value in case.config.items() if value == path), "")
        if named:
            return Fix(f"{text}: set {named}.", None, {named: place.near_path})
        return case.edited(path, place.near_path, f"{text}.") or case.in_scripts(path, place.near_path, text)
    wrong, right = PurePosixPath(path).name, place.near[0]
    text = f"Name {right}, which lies there, instead of {wrong}"
    for key, value in case.config.items():
        if value == path:
            return Fix(f"{text}: set {key}.", None, {key: str(PurePosixPath(path).with_name(right))})
    return case.edited(wrong, right, f"{text}.") or case.in_scripts(wrong, right, text)


def lies_elsewhere(case: Case) -> Fix | None:
    """A path that leads elsewhere, where the project has the file: in the configuration, the code or a script."""
    found = _NO_SUCH_FILE.search(case.message)
    path = found["path"] or found["script"] if found else ""
    place = case.named(path)
    if not path or place is None or not place.lies_at:
        return None
    text = f"Name {place.lies_at}, where the project has it, instead of {path}"
    for key, value in case.config.items():
        rest = path.removeprefix(f"{value}/") if isinstance(value, str) and value else path
        if value == path:
            return Fix(f"{text}: set {key}.", None, {key: place.lies_at})
        if rest != path and place.lies_at.endswith(f"/{rest}"):
            return Fix(f"{text}: set {key}.", None, {key: place.lies_at.removesuffix(f"/{rest}")})
    return case.edited(path, place.lies_at, f"{text}.") or case.in_scripts(path, place.lies_at, text)


def wrong_folder(case: Case) -> Fix | None:
    """A path that is there as seen from the project's root: the program was started somewhere else."""
    found = _NO_SUCH_FILE.search(case.message)
    place = case.named(found["path"]) if found and found["path"] else None
    if place is None or place.state == ABSENT or place.named.startswith("/") or place.named != place.path:
        return None
    script = _started(case)
    if not script:
        return None
    text = f"Start it from the project's folder, from which {place.path} is there."
    return Fix(text, f"python {argument(script)}{_arguments(case, script)}", None, script)


def _started(case: Case) -> str:
    """The project's script that was started: the outermost frame's, as it lies below the project's root."""
    outer = case.raised.frames[0] if case.raised and case.raised.frames else None
    known = next((code.file for code in case.facts.code if outer and names(outer.file, code.file)), "")
    return known if outer and outer.own and "/" in known else ""


def _arguments(case: Case, script: str) -> str:
    """What the one job script that starts it gives it, if there is one and it says it in plain words."""
    name = PurePosixPath(script).name
    lines = [line for each in case.facts.scripts if each.file.endswith("sh") for line in each.lines]
    starts = re.compile(rf"\s*python3?\s+(?:\S*/)?{re.escape(name)}\b(.*)$")
    given = [found[1] for line in lines if (found := starts.match(line))]
    plain = given[0].strip() if len(given) == 1 and re.fullmatch(r"[\w\s./=:,+-]*", given[0]) else ""
    return f" {plain}" if plain else ""


def broken(case: Case) -> Fix | None:
    """A file that a killed run or a copy that was cut off left empty or in pieces: out of the way, to be made again."""
    torn = [item for item in case.facts.checkpoints if item.role == "own" and item.problem in ("truncated", "empty")]
    checkpoint = case.cause == "model.checkpoint_corrupt" or "torch/serialization" in _files(case)
    if checkpoint and len(torn) == 1:
        return _aside(torn[0].source.path, "It was cut off")
    if not _BROKEN.search(case.message) and case.type not in ("EOFError", "BadZipFile"):
        return None
    there = [item for item in case.facts.named_files if item.state == "file" and not item.path.endswith(_SOURCES)]
    made = [item for item in there if not item.size or _MADE_AGAIN.search(item.path) or _of_the_run(case, item)]
    if len({item.path for item in made}) != 1:
        empty = [item for item in made if not item.size]
        made = empty if len({item.path for item in empty}) == 1 else []
    return _aside(made[0].path, "It is empty" if not made[0].size else "It is incomplete") if made else None


def _files(case: Case) -> str:
    return " ".join(frame.file for frame in case.raised.frames) if case.raised else ""


def _of_the_run(case: Case, item: NamedFile) -> bool:
    return item.path.startswith(f"{case.facts.directory}/") and PurePosixPath(item.path).name != "config.json"


def _aside(path: str, why: str) -> Fix:
    text = f"Put {path} out of the way, so that it is made again. {why}."
    return Fix(text, f"mv {argument(path)} {argument(f'{path}.broken')}", None, path)


def stale(case: Case) -> Fix | None:
    """A file of a cache that the message names, and calls one of other settings."""
    if not case.cause.startswith(("data.", "model.shape", "config.")) or not re.search(
        r"stale|outdated|older version|mismatch|features|does not match|rebuild|re-?generate", case.message, re.I
    ):
        return None
    there = [item for item in case.facts.named_files if item.state != ABSENT and item.named in case.message]
    cached = [item for item in there if _MADE_AGAIN.search(item.path)]
    if not cached:
        return None
    longest = max(cached, key=lambda item: len(item.path))  # the message names it, and with it the folders above
    if not all(longest.path.startswith(item.path) for item in cached):
        return None
    path = longest.path
    text = f"Put {path} aside, so that it is made again as the settings are now."
    return Fix(text, f"mv {argument(path)} {argument(f'{path}.old')}", None, path)


def lock(case: Case) -> Fix | None:
    """A lock file that its maker did not remove."""
    found = _LOCK.search(case.message)
    path = found["path"].strip("'\"") if found else ""
    place = case.named(path)
    if place is None or place.state != "file" or not _LOCK_NAME.search(PurePosixPath(path).name):
        return None
    text = f"If no process of this run is alive, one that was killed has left {place.path}: delete it."
    return Fix(text, f"rm {argument(place.path)}", None, place.path)


def hidden_module(case: Case) -> Fix | None:
    """A file of the project that is taken for a module of the standard library, because it has its name."""
    found = re.search(
        r"cannot import name '\w+' from (?:partially initialized module )?'(?P<module>\w+)' \(.*?"
        r"|partially initialized module '(?P<partial>\w+)' has no attribute",
        case.message,
    )
    module = (found["module"] or found["partial"]) if found else ""
    shown = re.search(r"\((/[^)]+)\)", case.message)
    place = case.named(shown[1]) if shown else case.named(f"{module}.py")
    file = place.path if place and place.state == "file" else ""
    if module not in sys.stdlib_module_names or PurePosixPath(file).name != f"{module}.py":
        return None
    other = str(PurePosixPath(file).with_name(f"{module}_own.py"))
    text = (
        f"Give {file} another name: Python takes it for the standard library's {module}. What imports yours has to "
        f"import {module}_own then."
    )
    return Fix(text, f"mv {argument(file)} {argument(other)}", None, file)


def interpreter_of_a_script(case: Case) -> Fix | None:
    """A script whose first line ends as DOS ends lines, or that has no first line that names its interpreter."""
    there = [item for item in case.facts.named_files if item.state == "file"]
    if re.search(r"required file not found|bad interpreter|\\r|\^M", case.said):
        for item in there:
            if item.dos_lines and item.first_line.startswith("#!"):
                text = f"Convert {item.path}: its lines end as those of Windows, and so does its interpreter's name."
                return Fix(text, f"sed -i 's/\\r$//' {argument(item.path)}", None, item.path, 1)
    if re.search(r"\\r'|\$'\\r'|\\r: |invalid option", case.said):
        for item in there:
            if item.dos_lines and item.path.endswith((".sh", ".bash", ".sbatch", ".slurm", ".pbs")):
                text = f"Convert {item.path}: its lines end as those of Windows, and the shell takes that for letters."
                return Fix(text, f"sed -i 's/\\r$//' {argument(item.path)}", None, item.path, 1)
    if found := re.search(r"(?P<script>\S+\.py): line \d+: (?:import|from): command not found", case.said):
        item_ = case.named(found["script"].removeprefix("./")) or case.named(found["script"])
        if item_ and item_.state == "file" and not item_.first_line.startswith("#!"):
            text = f"{item_.path} is read as a shell script: name its interpreter in its first line."
            return Fix(text, f"sed -i '1i #!/usr/bin/env python3' {argument(item_.path)}", None, item_.path, 1)
    return None


def folder(case: Case) -> Fix | None:
    """A database whose folder is not there."""
    if "unable to open database file" not in case.message:
        return None
    named = [
        item for item in case.facts.named_files if not item.in_folder and re.search(r"\.(?:db|sqlite3?)$", item.path)
    ]
    if len(named) != 1:
        return None
    above = str(PurePosixPath(named[0].path).parent)
    return Fix(f"Make the folder of {named[0].path}.", f"mkdir -p {argument(above)}", None, named[0].path)


def tabs(case: Case) -> Fix | None:
    """Tabs in a YAML file, which takes only blanks."""
    if "found character '\\t' that cannot start any token" not in case.said:
        return None
    found = re.search(r"in \"(?P<path>[^\"\n]+)\", line (?P<line>\d+)", case.said)
    place = case.named(found["path"]) if found else None
    if found is None or place is None or place.state != "file":
        return None
    text = f"Replace the tabs of {place.path} by blanks, which is all that YAML takes."
    return Fix(text, f"sed -i 's/\\t/  /g' {argument(place.path)}", None, place.path, int(found["line"]))


REPAIRS = (
    near_name,
    lies_elsewhere,
    broken,
    stale,
    lock,
    hidden_module,
    interpreter_of_a_script,
    wrong_folder,
    folder,
    tabs,
)
