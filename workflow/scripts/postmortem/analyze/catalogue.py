"""The catalogue of causes: entries from YAML, searched in statements, worded with what was captured."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from .. import yaml_text
from ..collect.logs.statements import ERROR, EXCEPTION, INFO, LINE, PROGRESS, WARNING, Statement
from ..files import read_bytes
from ..installation import CATALOGUE, table
from ..re2_options import re2_options
from .findings import FATAL, ROLES

USER_FOLDER = Path("postmortem") / "catalogue"  # below the project's root
KEYS = ("id", "title", "patterns", "not_when", "explains", "root_cause", "fix", "prevention", "role", "references")
PATTERN_KEYS = ("match", "in", "log", "frame", "strength", "example")
FIX_KEYS = ("text", "command", "config", "file", "line", "edit")
EDIT_KEYS = ({"replace", "by"}, {"call", "add"})
CONDITIONS = {"statement", "near", "before", "after", "raised"}  # the keys of a not_when
KINDS = (EXCEPTION, ERROR, WARNING, INFO, PROGRESS, LINE)
DEFAULT_KINDS = (EXCEPTION, ERROR, LINE)
LOG_ROLES = ("stderr", "stdout", "job", "executor", "snakemake", "console")
NEAR_STATEMENTS = 20
FILES_A_SET = 3  # of patterns that are searched at once; measured with 1 to 10 on logs of strangers
# How specific a pattern is: a sentence that only one library, program or kernel prints, and for this cause only; a
# wording that several programs use, nearly always for this cause; a word or phrase that anything may print.
SENTENCE, WORDING, WORD = STRENGTHS = ("sentence", "wording", "word")


class CatalogueError(Exception):
    """An entry that cannot be used: the message names file, entry, key and what is wrong."""


@dataclass
class Pattern:
    """What is looked for in a statement.

    strength: how specific it is, see STRENGTHS. example: log lines in which this pattern, and none before it, finds it.
    """

    expression: str
    kinds: tuple[str, ...] = DEFAULT_KINDS
    roles: tuple[str, ...] = ()
    frame: str = ""
    strength: str = SENTENCE
    example: str = ""

    @cached_property
    def compiled(self) -> Any:
        return _compile(self.expression)


@dataclass
class Entry:
    """One way in which a cause shows itself."""

    id: str
    title: str
    patterns: list[Pattern]
    not_when: list[dict[str, str]] = field(default_factory=list)
    explains: list[str] = field(default_factory=list)
    root_cause: str = ""
    fix: list[dict[str, Any]] = field(default_factory=list)
    prevention: list[str] = field(default_factory=list)
    role: str = FATAL
    references: list[str] = field(default_factory=list)
    file: str = ""  # a bundled one below the catalogue's folder: "gpu/oom.yaml"; else its whole path

    @property
    def name(self) -> str:
        return f"{self.id}: {self.title}"

    @property
    def slug(self) -> str:
        """The name of its test file."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    def finder(self, statements: list[Statement]) -> Pattern | None:
        """The pattern by which the entry is found in one of the statements of a log; None if it is not."""
        for index, statement in enumerate(statements):
            for pattern in self.patterns:
                if _applies(pattern, statement) and pattern.compiled.search(statement.text):
                    if not _doubted(self, statements, index):
                        return pattern
                    break
        return None


@dataclass(frozen=True)
class Hit:
    """A pattern that was found in a statement. captures: its named groups, and under "" all that it took."""

    entry: Entry
    pattern: Pattern
    statement: Statement
    captures: dict[str, str]


_compiled: dict[str, Any] = {}


def _compile(expression: str) -> Any:
    import re2

    if expression not in _compiled:
        _compiled[expression] = re2.compile(expression, re2_options())
    return _compiled[expression]


class Catalogue:
    """All entries, ready to be searched."""

    def __init__(self, entries: list[Entry]):
        self.entries = entries
        self._pairs = [(entry, pattern) for entry in entries for pattern in entry.patterns]

    @cached_property
    def _sets(self) -> list[tuple[Any, list[int]]]:
        """RE2 sets, each of a few files, with the places of its patterns.

        One automaton for all of them takes seconds to build, and one a file is asked too often.
        """
        import re2

        by_file: dict[str, list[int]] = {}
        for number, (entry, _) in enumerate(self._pairs):
            by_file.setdefault(entry.file, []).append(number)
        files = list(by_file.values())
        sets = []
        for first in range(0, len(files), FILES_A_SET):
            numbers = sorted(chain.from_iterable(files[first : first + FILES_A_SET]))
            expressions = re2.Set.SearchSet(re2_options())
            for number in numbers:
                expressions.Add(self._pairs[number][1].expression)
            expressions.Compile()
            sets.append((expressions, numbers))
        return sets

    def _matching(self, text: str) -> list[int]:
        """The places of the patterns that occur in a text, in the catalogue's order."""
        return [numbers[at] for expressions, numbers in self._sets for at in sorted(expressions.Match(text) or ())]

    def expressions(self) -> list[str]:
        """Every pattern, for the pass over the raw logs."""
        return [pattern.expression for _, pattern in self._pairs]

    def search(self, statements: list[Statement]) -> list[Hit]:
        """Every believable hit, in order of the statements of one log."""
        hits: list[Hit] = []
        if not self._pairs:
            return hits
        for index, statement in enumerate(statements):
            found: set[int] = set()
            for number in self._matching(statement.text):
                entry, pattern = self._pairs[number]
                if id(entry) in found or not _applies(pattern, statement):
                    continue
                match = pattern.compiled.search(statement.text)
                if match and not _doubted(entry, statements, index):
                    found.add(id(entry))
                    captures = {k: v or "" for k, v in match.groupdict().items()}
                    hits.append(Hit(entry, pattern, statement, captures | {"": match[0]}))
        return hits


def _applies(pattern: Pattern, statement: Statement) -> bool:
    if statement.kind not in pattern.kinds or (pattern.roles and statement.log.role not in pattern.roles):
        return False
    if pattern.frame:
        frames = statement.exception.frames if statement.exception else []
        expression = _compile(pattern.frame)
        return any(expression.search(f"{frame.path}:{frame.function}") for frame in frames)
    return True


def _doubted(entry: Entry, statements: list[Statement], index: int) -> bool:
    """Whether one of the entry's `not_when` conditions holds for the hit at this index."""
    for condition in entry.not_when:
        (where, text), *_ = condition.items()
        expression = _compile(text)
        if where == "raised":
            if expression.search(_raised(statements[index])):
                return True
            continue
        if where == "statement":
            region = [statements[index]]
        elif where == "near":
            region = statements[max(0, index - NEAR_STATEMENTS) : index + NEAR_STATEMENTS + 1]
        else:
            region = statements[:index] if where == "before" else statements[index + 1 :]
        if any(expression.search(s.text) for s in region):
            return True
    return False


def _raised(statement: Statement) -> str:
    """The innermost frame of an exception: file, function and source line; empty for what has none."""
    frames = statement.exception.frames if statement.exception else []
    return f"{frames[-1].path}:{frames[-1].function}: {frames[-1].source}" if frames else ""


# --- loading -------------------------------------------------------------------------------------------------------


def files(project_root: Path | None = None) -> list[Path]:
    """The catalogue's files: the bundled ones, then those in the project's own folder."""
    found = sorted(CATALOGUE.rglob("*.yaml"))
    if project_root is not None:
        found += sorted((project_root / USER_FOLDER).rglob("*.yaml"))
    return found


def load(paths: list[Path], every_expression: bool = False) -> Catalogue:
    """Read entries. Raises CatalogueError for the first one that cannot be used.

    every_expression: compile also those of the bundled files, which their tests have compiled before: a third of the
    time that it takes.
    """
    entries = []
    for path in paths:
        bundled = path.is_relative_to(CATALOGUE)
        try:
            content = table(path) if bundled else yaml_text.load(read_bytes(path).decode("utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise CatalogueError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
        if content is not None and not isinstance(content, list):
            raise CatalogueError(f"{path}: must be a list of entries, not {type(content).__name__}")
        for index, raw in enumerate(content or []):
            where = f"{path}: entry {index + 1}"
            entry = _entry(raw, path, where)
            if every_expression or not bundled:
                _check_expressions(entry, f"{where} ({entry.name})")
            entries.append(entry)
    return Catalogue(entries)


def _entry(raw: Any, path: Path, where: str) -> Entry:
    if not isinstance(raw, dict):
        raise CatalogueError(f"{where} must be a mapping with the keys {', '.join(KEYS)}")
    where += f" ({raw.get('id', 'no id')}: {raw.get('title', 'no title')})"
    if unknown := set(raw) - set(KEYS):
        raise CatalogueError(f"{where}: unknown key {min(unknown, key=str)!r}; the keys are {', '.join(KEYS)}")
    for key in ("id", "title", "patterns", "root_cause", "role"):
        if not raw.get(key):
            raise CatalogueError(f"{where}: the key {key!r} is missing")
    _check_types(raw, where)
    if raw["role"] not in ROLES:
        raise CatalogueError(f"{where}: role {raw['role']!r} is none of {', '.join(ROLES)}")
    patterns = [_pattern(item, where) for item in raw["patterns"]]
    conditions = [{"statement": item} if isinstance(item, str) else item for item in raw.get("not_when") or []]
    for condition in conditions:
        if not isinstance(condition, dict) or len(condition) != 1 or not set(condition) <= CONDITIONS:
            raise CatalogueError(
                f"{where}: not_when takes expressions, or one of near, before, after and raised with an expression"
            )
    fixes = [_fix(item, where) for item in raw.get("fix") or []]
    return Entry(
        raw["id"], str(raw["title"]), patterns, conditions, list(raw.get("explains") or []), raw["root_cause"], fixes,
        list(raw.get("prevention") or []), raw["role"], list(raw.get("references") or []), _shown(path),
    )  # fmt: skip


def _shown(path: Path) -> str:
    return path.relative_to(CATALOGUE).as_posix() if path.is_relative_to(CATALOGUE) else str(path)


def _check_types(raw: dict[str, Any], where: str) -> None:
    for key in ("id", "title", "root_cause", "role"):
        if not isinstance(raw[key], str):
            raise CatalogueError(f"{where}: {key} is {raw[key]!r}, but it must be a text")
    for key in ("patterns", "not_when", "explains", "fix", "prevention", "references"):
        if raw.get(key) is not None and not isinstance(raw[key], list):
            raise CatalogueError(f"{where}: {key} is {raw[key]!r}, but it must be a list")
    for key in ("explains", "prevention", "references"):
        for item in raw.get(key) or []:
            if not isinstance(item, str):
                raise CatalogueError(f"{where}: {key} holds {item!r}, but it must hold texts; quote one with a colon")


def _fix(item: Any, where: str) -> dict[str, Any]:
    item = {"text": item} if isinstance(item, str) else item
    keys = ", ".join(FIX_KEYS)
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise CatalogueError(f"{where}: a fix is a text, or a mapping of {keys}, not {item!r}")
    if unknown := set(item) - set(FIX_KEYS):
        raise CatalogueError(f"{where}: unknown key {min(unknown, key=str)!r} of a fix; the keys are {keys}")
    if item.get("config") is not None and not isinstance(item["config"], dict):
        raise CatalogueError(f"{where}: the config of a fix is {item['config']!r}, but it must be a mapping")
    if (edit := item.get("edit")) is not None:
        for one in edit if isinstance(edit, list) else [edit]:
            texts = isinstance(one, dict) and all(isinstance(value, str) for value in one.values())
            if not texts or set(one) not in EDIT_KEYS:
                wanted = "the texts replace and by, or call and add"
                raise CatalogueError(f"{where}: the edit of a fix is {one!r}, but it must have {wanted}")
    return item


def _pattern(item: Any, where: str) -> Pattern:
    if isinstance(item, str):
        return Pattern(item)
    if not isinstance(item, dict) or "match" not in item or not set(item) <= set(PATTERN_KEYS):
        others = ", ".join(PATTERN_KEYS[1:])
        raise CatalogueError(f"{where}: a pattern is an expression, or a mapping with match, and perhaps {others}")
    for key in ("in", "log"):
        if item.get(key) is not None and not isinstance(item[key], list):
            raise CatalogueError(f"{where}: {key} of a pattern is {item[key]!r}, but it must be a list")
    kinds, roles = tuple(item.get("in") or DEFAULT_KINDS), tuple(item.get("log") or ())
    strength = item.get("strength") or SENTENCE
    chosen = [*((kind, KINDS) for kind in kinds), *((role, LOG_ROLES) for role in roles), (strength, STRENGTHS)]
    for value, known in chosen:
        if value not in known:
            raise CatalogueError(f"{where}: {value!r} is none of {', '.join(known)}")
    if not isinstance(item.get("example", ""), str):
        raise CatalogueError(f"{where}: the example of a pattern is {item['example']!r}, but it must be a text")
    return Pattern(item["match"], kinds, roles, item.get("frame") or "", strength, item.get("example") or "")


def _check_expressions(entry: Entry, where: str) -> None:
    """Raises CatalogueError for the first that RE2 does not take."""
    import re2

    expressions = [found for pattern in entry.patterns for found in (pattern.expression, pattern.frame) if found != ""]
    expressions += [next(iter(condition.values())) for condition in entry.not_when]
    for fix in entry.fix:
        edit = fix.get("edit") or []
        expressions += [one.get("replace") or one["call"] for one in (edit if isinstance(edit, list) else [edit])]
    for expression in expressions:
        try:
            _compile(expression)
        except (re2.error, TypeError) as error:
            raise CatalogueError(f"{where}: {expression!r} is not an RE2 expression: {error}") from error
