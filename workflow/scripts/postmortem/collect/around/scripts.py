"""Job scripts, workflows and files that the run's errors are about: what a fix of them needs to see.

A mistake in how a run was started stands in no traceback: the job script holds the misspelt option, the Snakefile the
misspelt input. What the errors name is looked up in them, and where it is a path, beside it.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...facts import ABSENT, READ, NamedFile, RunFacts, Script
from ...files import open_file
from ...text import clean
from .nearest_names import source_text

if TYPE_CHECKING:
    from ...discover.discovery import RunState
    from ...project.project import Project

SCRIPTS, SCRIPT_LINES, SCRIPT_BYTES = 8, 400, 40_000  # kept of each run; a script that is longer is generated
CANDIDATES = 60  # scripts that are looked at
LAST_LINES = 60  # of a stream: where the errors stand that ended it
WORDS, PATHS = 60, 24
NEAR = 0.75  # share of equal letters of two names of files
NEAREST = 3
FOLDER_ENTRIES = 2000  # of the folder in which a near name is sought
FIRST_BYTES = 200
_KEPT_WITH = (".dvc", ".git", "Snakefile", "environment.yaml", "environment.yml", "pyproject.toml", "requirements.txt")
_FOLDERS = (".", "scripts", "slurm", "jobs", "bin", "workflow", "workflow/rules", "rules", "config", "configs")
_SCRIPT = re.compile(r"(?:\.(?:py|sh|bash|sbatch|slurm|pbs|smk|ya?ml)|(?:^|/)(?:Snakefile|Makefile))$")
_QUOTED = re.compile(r"['\"`]([^'\"`\n]{2,200})['\"`]")
_BARE = re.compile(
    r"(?<!\S)(?P<command>[^\s:]{1,200}): command not found|(?<![\w-])(?P<option>--[\w-]{1,80})"
    r"|No rule to produce (?P<target>\S{1,200})|Unexpected keyword (?P<keyword>\w{1,80})"
    r"|(?<![\w.~+/-])(?P<path>[\w.~+-]{0,200}/[\w.~+/-]{1,400})|(?<!\S)(?P<script>[^\s:]{1,200}): line \d"
)
_MODULE = re.compile(r"No module named '?(\w{1,100})|: cd: ([\w.-]{1,100}): No such file")
_CONSTANT = re.compile(r"^[A-Z_]+\s*=.*?['\"]([^'\"\n]{2,200})['\"]", re.M)
# Snakemake runs the script of a rule from a copy, with lines of its own in front.
_COPY_OF_A_SCRIPT = re.compile(r"\.snakemake/scripts/tmp\w{8}\.([\w.-]{1,200})")
_NAME_OF_FILE = re.compile(r"[\w.~+/-]{1,400}")


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.named_files, facts.scripts and facts.root_entries."""
    facts.root_entries = [name for name in _KEPT_WITH if (project.root / name).exists()]
    texts = _last_words(facts)
    words = list(dict.fromkeys(word for text in texts for word in words_of(text)))[:WORDS]
    code = [word for frame in facts.code for line in frame.lines for word in _QUOTED.findall(line.text)]
    settings = [str(item.value) for item in facts.config.values.values()] if facts.config else []
    constants = [word for file in dict.fromkeys(f.file for f in facts.code) for word in _constants(project.root / file)]
    modules = [match[1] or match[2] for text in texts if (match := _MODULE.search(text))]
    paths = [word for word in dict.fromkeys([*words, *code, *constants, *settings]) if _is_path(word)]
    named = (_named(project.root, run_state.directory, path) for path in [*paths[:PATHS], *modules])
    facts.named_files = [found for found in named if found]
    near = [os.path.basename(name) for item in facts.named_files for name in item.near]
    words += [os.path.basename(word) for word in words if "/" in word]
    own = [project.absolute(facts.config.source.path)] if facts.config and facts.config.source.state != READ else []
    facts.scripts = _scripts(project.root, "\n".join(texts), [word for word in words if word], near, own)


def words_of(text: str) -> list[str]:
    """What a line of an error names: quoted words, options, paths, commands."""
    bare = [group for found in _BARE.finditer(text) for group in found.groups() if group]
    return [*_QUOTED.findall(text), *(word.rstrip(".,:;") for word in bare)]


def _last_words(facts: RunFacts) -> list[str]:
    texts = []
    for log in facts.logs:
        texts += [line.text[:2000] for line in log.lines[-LAST_LINES:]]
        texts += [e.message[:2000] for traceback in log.tracebacks for e in traceback.exceptions]
    return list(dict.fromkeys(texts))


def _constants(source: Path) -> list[str]:
    """The texts of the constants that a module begins with: paths often stand there, far from where they are used."""
    return _CONSTANT.findall(source_text(source))


def _is_path(word: str) -> bool:
    return bool(_NAME_OF_FILE.fullmatch(word)) and ("/" in word or "." in word) and not word.replace(".", "").isdigit()


# --- files ---------------------------------------------------------------------------------------------------------


def _named(root: Path, run: Path, word: str) -> NamedFile | None:
    """What is at a path that was named from the project's root, the run's directory, or the file system's root."""
    places = [Path(word)] if os.path.isabs(word) else [root / word, run / word]
    inside = [path for path in places if path.is_relative_to(root) and ".." not in path.parts]
    for path in inside:
        if path.is_file() or path.is_dir():
            return _there(root, path, word)
    for path in inside:
        if near := _near(path):
            return NamedFile(word, str(path.relative_to(root)), ABSENT, near=near)
    lies_at = _lies_at(root, word)
    if not inside:
        return NamedFile(word, word, ABSENT, lies_at=lies_at) if lies_at else None
    first = inside[0]
    return NamedFile(
        word,
        str(first.relative_to(root)),
        ABSENT,
        near_path=_near_path(root, first, word),
        lies_at=lies_at,
        in_folder=first.parent.is_dir(),
    )


def _lies_at(root: Path, word: str) -> str:
    """Where the project has what a path names that leads elsewhere: from another folder, or to where it once lay.

    Of an absolute path more than the name has to agree: any project has a train.csv.
    """
    parts = [part for part in Path(word).parts if part not in ("/", "..")]
    if os.path.lexists(root / word):
        return ""
    for start in range(len(parts) - os.path.isabs(word)):
        tail = Path(*parts[start:])
        if (root / tail).is_file():
            return str(tail)
    return ""


def _near_path(root: Path, path: Path, word: str) -> str:
    """`word` with the one folder of it that is not there spelt as one beside it; empty if nothing is there then."""
    missing = path
    while not missing.parent.is_dir():
        missing = missing.parent
    if missing == path or not missing.is_relative_to(root):
        return ""
    for name in _near(missing):
        other = missing.with_name(name) / path.relative_to(missing)
        if other.exists() and word.count(missing.name) == 1:
            return word.replace(missing.name, name)
    return ""


def _there(root: Path, path: Path, word: str) -> NamedFile:
    relative = str(path.relative_to(root))
    if path.is_dir():
        return NamedFile(word, relative, "folder")
    try:
        size = path.stat().st_size
        with open_file(path) as stream:
            first = stream.read(FIRST_BYTES).partition(b"\n")[0]
    except OSError:
        return NamedFile(word, relative, "file")
    text = "" if b"\0" in first else clean(first.rstrip(b"\r"))
    return NamedFile(word, relative, "file", size, text, first.endswith(b"\r"))


def _near(path: Path) -> list[str]:
    """Names beside an absent file that are spelt nearly as its own, nearest first; with its own ending if there are."""
    try:
        names = sorted(entry.name for entry, _ in zip(os.scandir(path.parent), range(FOLDER_ENTRIES), strict=False))
    except OSError:
        return []
    same_ending = [name for name in names if Path(name).suffix == path.suffix]
    return difflib.get_close_matches(path.name, same_ending or names, n=NEAREST, cutoff=NEAR)


# --- scripts -------------------------------------------------------------------------------------------------------


def _scripts(root: Path, said: str, words: list[str], near: list[str], own: list[Path]) -> list[Script]:
    """The scripts that the errors name, then those that hold what the errors name, then those that these name.

    near: names of files that may be meant, which programs hold as well. own: settings that could not be read.
    """
    texts = {path: text for path in [*own, *_candidates(root)] if (text := _whole(path))}
    named = [p for p in texts if re.search(rf"(?<![\w.-]){re.escape(p.name)}(?![\w-])", said) and p.suffix != ".py"]
    copies = {copy for text in [said] for copy in _COPY_OF_A_SCRIPT.findall(text)}
    named += [p for p in texts if p.name in copies]
    holding = [p for p in texts if any(word in texts[p] for word in (near if p.suffix == ".py" else [*words, *near]))]
    workflows = "\n".join(texts[path] for path in [*named, *holding] if path.suffix in ("", ".smk"))
    settings = [path for path in texts if path.suffix in (".yaml", ".yml") and path.name in workflows]
    kept = list(dict.fromkeys([*own, *named, *holding, *settings]))[:SCRIPTS]
    lines = {path: [clean(line.encode()) for line in texts[path].split("\n")] for path in kept if path in texts}
    return [Script(str(path.relative_to(root)), held) for path, held in lines.items() if path.is_relative_to(root)]


def _whole(path: Path) -> str:
    """A script's text; empty if it is longer than one that somebody has written."""
    text = source_text(path)
    return "" if len(text) > SCRIPT_BYTES or text.count("\n") >= SCRIPT_LINES else text


def _candidates(root: Path) -> list[Path]:
    found: list[Path] = []
    for folder in _FOLDERS:
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            continue
        found += [Path(entry.path) for entry in entries if _SCRIPT.search(entry.name) and Path(entry.path).is_file()]
    return found[:CANDIDATES]
