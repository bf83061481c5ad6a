"""The words of a finding: its entry's Jinja texts over what was captured and observed."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..collect.logs.statements import Statement
from ..facts import Frame, Line, RunFacts
from ..log_prefix import strip_prefix
from . import places, record
from .catalogue import Entry, Hit
from .exceptions.classify import own_frame
from .exceptions.packages import package_of, pip_name
from .findings import Evidence, Finding, Fix
from .remedies.around_statement import complaint_above, files_of, glued, line_below, place_below
from .remedies.caches import cache_of
from .remedies.code import edited
from .remedies.environment import interpreter, node_of, snakemake_folder
from .remedies.fixes import half
from .remedies.releases import requirement
from .remedies.resources import longer_minutes, more_megabytes, sbatch_time
from .remedies.rules import RulePlace, place_of_rule
from .remedies.run_again import rerun
from .remedies.settings import BATCH_SIZE, LEARNING_RATE, setting
from .remedies.submission import Request, submit_again


class _Empty(jinja2.Undefined):
    """An undefined key of a mapping of observations (config, profile): renders to nothing, may be asked for keys."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __str__(self) -> str:
        return ""

    def __float__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("it was not observed")


class _Lazy:
    """A text that is worked out when it is asked for: most entries do without, and it takes a look at whole logs."""

    def __init__(self, work_out: Callable[[], str]) -> None:
        self._text = lru_cache(maxsize=1)(work_out)

    def __str__(self) -> str:
        return self._text()

    def __bool__(self) -> bool:
        return bool(self._text())


class Observed(dict[str, Any]):
    """A mapping of observations, in which what was not observed is empty instead of an error."""

    def __missing__(self, key: str) -> Any:
        return _Empty(name=key)

    def __getattr__(self, key: str) -> Any:
        value = self[key]
        return Observed(value) if isinstance(value, dict) else value


LARGEST_BASE, LARGEST_POWER = 1_000_000, 100  # far above any size in bytes, far below what takes a second
LONGEST = 100_000  # characters of a text that an entry multiplies
# What a shell does not take literally; a blank is left as it is, for some captures hold several words of a command.
_SHELL_ACTIVE = re.compile(r"[$`;|&<>\"'\\\n()]")


_WIDE = re.compile(r"\d{5,}|\*")  # of a format: wider than a page, or as wide as a value says
_PADDING = ("center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map")
_TWO_STOPS = re.compile(r"(?<!\.)([.!?])\.(?=\s|$)")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Entries come from users' folders, values from strangers' logs: neither may run code, nor run for ever."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        texts = [side for side in (left, right) if isinstance(side, str | list | tuple)]
        if operator == "%" and isinstance(left, str) and _WIDE.search(left):
            raise SecurityError("a text that wide would fill the memory")
        if operator == "**" and (abs(left) > LARGEST_BASE or abs(right) > LARGEST_POWER):
            raise SecurityError("a power that large would never be done")
        if operator == "*" and texts and len(texts[0]) * next(s for s in (left, right) if s is not texts[0]) > LONGEST:
            raise SecurityError("a text that long would fill the memory")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> None:
        """No `"{:9}".format(x)` of Jinja's own making: like the other methods that pad, it is not to be had."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Methods that only make a text longer are none that an entry needs."""
        return attr not in _PADDING and bool(super().is_safe_attribute(obj, attr, value))


@lru_cache(maxsize=1)
def _environment() -> _Sandbox:
    made = _Sandbox(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
    for name in ("center", "indent", "wordwrap", "filesizeformat", "pprint", "xmlattr"):
        del made.filters[name]  # nothing that an entry needs, and the first two make texts of any length
    made.filters["format"] = _formatted
    return made


def _formatted(text: Any, *values: Any) -> str:
    """Jinja's filter `format`, with its widths checked as those of `%` are."""
    if _WIDE.search(str(text)):
        raise SecurityError("a text that wide would fill the memory")
    return str(text) % values


@lru_cache(maxsize=4096)
def _template(text: str) -> jinja2.Template:
    return _environment().from_string(text)


def context(
    facts: RunFacts, statement: Statement | None = None, captures: dict[str, str] | None = None
) -> dict[str, Any]:
    """The names that an entry's texts may use; see workflow/catalogue/README.md."""
    exception = statement.exception if statement else None
    # A library's line is no place to edit: where no frame is the project's own, no place is named.
    frame = own_frame(exception, statement.log) if exception and statement else None
    frame = frame or places.crashed(statement) or Frame("", None, "")
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    config = {key: item.value for key, item in facts.config.values.items()} if facts.config else {}
    named = {key: value for key, value in (captures or {}).items() if key}
    return {
        **named,
        "exception": {"type": exception.type if exception else "", "message": exception.message if exception else ""},
        "frame": _shown(frame),
        "surfaced": _shown(places.surfaced(statement)),
        "statement": statement.text if statement else "",
        "run": {
            "run": facts.run,
            "dataset": facts.dataset,
            "name": facts.name,
            "stage": facts.stage,
            "size": facts.size,
        },
        "config": Observed(config),
        "job": {
            "id": job.id if job else "",
            "time_limit": job.time_limit if job else "",
            "requested_memory": job.requested_memory if job else "",
            "state": job.state if job else "",
        },
        "profile": Observed(facts.profile),
        "lies_at": lambda path: next((item.lies_at for item in facts.named_files if item.named == str(path)), ""),
        "at_root": lambda name: str(name) in facts.root_entries,
        "python": _Lazy(lambda: interpreter(facts, statement)),
        "importer": pip_name(package_of(exception.frames[-1])) if exception and exception.frames else "",
        "folder": _Lazy(lambda: snakemake_folder(facts, statement)),
        "learning_rate": lru_cache(maxsize=1)(lambda: setting(facts, LEARNING_RATE)),
        "batch_size": lru_cache(maxsize=1)(lambda: setting(facts, BATCH_SIZE)),
        "this_node": _Lazy(lambda: node_of(facts)),
        "longer_time": _Lazy(lambda: sbatch_time(minutes) if (minutes := longer_minutes(facts)) else ""),
        "submit_again": lambda job="", more="", exclude="": submit_again(
            facts, str(job), _request(facts, more, str(exclude))
        ),
        "files": lambda: files_of(statement) if statement else [],
        "glued": glued,
        "cache": lambda path="": cache_of(str(path), exception) or {"owner": "", "command": ""},
        "place_below": lambda: place_below(statement),
        "below": _Lazy(lambda: line_below(statement) if statement else ""),
        "complaint": _Lazy(lambda: strip_prefix(line.text).body.strip() if (line := _complaint(statement)) else ""),
        "dirname": lambda path: str(path).rpartition("/")[0],
        "basename": lambda path: str(path).rpartition("/")[2],
        "rerun": lambda **values: rerun(facts, values),
        "half": half,
        "release": requirement,
        "quote": _quote,
    }


def _request(facts: RunFacts, more: str, exclude: str) -> Request:
    minutes = longer_minutes(facts) if more == "time" else 0
    megabytes = more_megabytes(facts) if more == "memory" else 0
    return Request(minutes, megabytes, exclude, more)


def _shown(frame: Frame) -> dict[str, Any]:
    return {"file": frame.file, "line": frame.line or "", "function": frame.function, "source": frame.source}


class _Quoted(str):
    """A word that already is as a shell needs it."""


def _quote(value: Any) -> str:
    return value if isinstance(value, _Quoted) else _Quoted(shlex.quote(str(value)))


def render(text: str, names: dict[str, Any]) -> str:
    """One text. Raises jinja2.TemplateError for names that do not exist and for broken templates."""
    if "{" not in text:
        return text.strip()
    return _template(text).render(names).strip()


def finding_of(hit: Hit, facts: RunFacts) -> Finding:
    """The finding of a hit, in its entry's words.

    A text that cannot be rendered is shown as "(entry …: …)", so that a broken entry of a user harms itself alone.
    """
    entry, statement = hit.entry, hit.statement
    unmatched = {group: "" for pattern in entry.patterns for group in pattern.compiled.groupindex}
    names = context(facts, statement, unmatched | hit.captures)
    frame = own_frame(statement.exception, statement.log) if statement.exception else None
    # What is wrong with a workflow is mended where Snakemake says that the rule stands.
    place = place_of_rule(statement) if entry.id.startswith("workflow.") else None
    evidence = [Evidence(statement.log.source.path, statement.text, statement.line, "log")]
    if "complaint" in entry.root_cause and (complaint := _complaint(statement)):  # its words repeat that line
        evidence.append(Evidence(statement.log.source.path, complaint.text.strip(), complaint.number, "log"))
    return Finding(
        id=entry.id,
        title=entry.title,
        role=entry.role,
        confidence=record.EXPECTED[entry.role],
        by_record=record.sureness(entry.role, hit.pattern.strength, *record.of_entry(entry.name)),
        strength=hit.pattern.strength,
        entry=entry.name,
        root_cause=_sentences(_safe(entry.root_cause, names, entry)),
        evidence=evidence,
        fix=_begun(
            [
                fix
                for raw in entry.fix
                if not _edits_a_package(raw, names, statement, frame)
                and (fix := _fix(raw, names, entry, facts, frame, place)).text
            ]
        ),
        prevention=[_safe(text, names, entry) for text in entry.prevention],
        references=list(entry.references),
        explains=list(entry.explains),
        position=statement.position,
        captures=hit.captures,
        placed=bool(hit.pattern.frame),
        made_in=f"catalogue/{entry.file}",
    )


def _complaint(statement: Statement | None) -> Line | None:
    return complaint_above(statement) if statement else None


def _fix(
    raw: dict[str, Any],
    names: dict[str, Any],
    entry: Entry,
    facts: RunFacts,
    frame: Frame | None,
    place: RulePlace | None,
) -> Fix:
    def rendered(key: str) -> str | None:
        return (_safe(str(raw[key]), names, entry) or None) if raw.get(key) else None

    config = {
        name: value
        for key, template in (raw.get("config") or {}).items()
        if (value := _value(_safe(template, names, entry) if isinstance(template, str) else template)) not in ("", None)
        and (name := _safe(key, names, entry))
    }
    file = rendered("file")
    line = rendered("line") if file else None
    fix = Fix(
        _sentences(_safe(str(raw.get("text", "")), names, entry)),
        _command(str(raw["command"]), names, entry) if raw.get("command") else None,
        config or None,
        file,
        int(line) if line and line.isdigit() and int(line) > 0 else None,
    )
    if raw.get("edit") and frame:
        around = entry.id == "code.library_conflict"
        made = (edited(frame, facts.code, worded, around) for edit in _edits(raw) if (worded := _worded(edit, names)))
        fix.diff = next((diff for diff in made if diff), None)
        fix.file, fix.line = fix.file or frame.file, fix.line or frame.line
    if place and not fix.file:
        fix.file, fix.line = place.file, place.line
    return fix


def _begun(fixes: list[Fix]) -> list[Fix]:
    """The first one begins as a first one does, also where the one that it was the alternative of is left out."""
    for fix in fixes[:1]:
        if fix.text.startswith("Or "):
            fix.text = fix.text[3].upper() + fix.text[4:]
    return fixes


def _edits(raw: dict[str, Any]) -> list[dict[str, str]]:
    given = raw.get("edit") or []
    return given if isinstance(given, list) else [given]


def _edits_a_package(raw: dict[str, Any], names: dict[str, Any], statement: Statement, own: Frame | None) -> bool:
    """Whether what a fix would rewrite stands in a line of an installed package, and not in the project's own.

    The line of a package is no place to edit; what else the entry knows, another release, then comes first.
    """
    frames = statement.exception.frames if statement.exception else []
    inner = frames[-1] if frames else None
    if inner is None or inner.own or not package_of(inner) or not _edits(raw):
        return False
    edits = [worded for edit in _edits(raw) if (worded := _worded(edit, names))]
    return any(edited(inner, [], edit) for edit in edits) and not any(own and edited(own, [], edit) for edit in edits)


def _worded(edit: dict[str, str], names: dict[str, Any]) -> dict[str, str]:
    """An edit with what it writes in words; what it looks for is an expression as it stands. Empty if it is broken."""
    try:
        return {key: render(text, names) if key in ("by", "add") else text for key, text in edit.items()}
    except Exception:  # its fix shows the text of the entry all the same
        return {}


def _command(text: str, names: dict[str, Any], entry: Entry) -> str | None:
    """A command that is safe to paste, or None: what a log says must not reach the shell as more than a word."""
    plain = _safe(text, names, entry)
    if plain == (guarded := _safe(text, _quoted(names), entry)):
        return plain or None
    return None if '"' in text or "'" in text else guarded


def _quoted(value: Any) -> Any:
    """The same names, with quotes around what a shell would not take literally."""
    if isinstance(value, _Lazy):
        return _Lazy(lambda: str(_quoted(str(value))))
    if isinstance(value, str):
        return _quote(value) if _SHELL_ACTIVE.search(value) else value
    if isinstance(value, dict):
        return type(value)({key: _quoted(item) for key, item in value.items()})
    return [_quoted(item) for item in value] if isinstance(value, list) else value


def _sentences(text: str) -> str:
    """A text in which a value that ends a sentence by itself has no second full stop behind it."""
    return _TWO_STOPS.sub(r"\1", text)


def _value(value: Any) -> Any:
    """A rendered config value as the type it reads like: "0.5" is a number."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        return number if math.isfinite(number) else value  # JSON has no word for infinity
    return {"true": True, "false": False}.get(value.lower(), value)


def _safe(text: str, names: dict[str, Any], entry: Entry) -> str:
    try:
        return render(text, names)
    except Exception as error:  # whatever an entry does wrong, it does to itself alone
        return f"(entry {entry.name}: {error})"
