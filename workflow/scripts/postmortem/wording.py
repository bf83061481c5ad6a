"""The words of a finding: its entry's Jinja texts over what was captured and observed."""

from __future__ import annotations

import shlex
from functools import lru_cache
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from .catalogue import Entry
from .exception_types import last_own_frame
from .facts import Frame, RunFacts
from .findings import Finding, Fix
from .remedies import half, rerun
from .statements import Statement


class _Empty(jinja2.Undefined):
    """An undefined key of a mapping of observations (config, profile): renders to nothing, may be asked for keys."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __str__(self) -> str:
        return ""

    def __float__(self) -> float:
        raise TypeError("it was not observed")


class Observed(dict):
    """A mapping of observations, in which what was not observed is empty instead of an error."""

    def __missing__(self, key: str) -> Any:
        return _Empty(name=key)

    def __getattr__(self, key: str) -> Any:
        value = self[key]
        return Observed(value) if isinstance(value, dict) else value


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    # Sandboxed: entries come from users' folders, values from strangers' logs.
    return SandboxedEnvironment(
        undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )


@lru_cache(maxsize=4096)
def _template(text: str) -> jinja2.Template:
    return _environment().from_string(text)


def context(
    facts: RunFacts, statement: Statement | None = None, captures: dict[str, str] | None = None
) -> dict[str, Any]:
    """The names that an entry's texts may use; see workflow/catalogue/README.md."""
    exception = statement.exception if statement else None
    frame = (last_own_frame(exception) or (exception.frames[-1] if exception.frames else None)) if exception else None
    frame = frame or Frame("", None, "")
    job = facts.slurm_jobs[-1] if facts.slurm_jobs else None
    config = {key: item.value for key, item in facts.config.values.items()} if facts.config else {}
    named = {key: value for key, value in (captures or {}).items() if key}
    return {
        **named,
        "exception": {"type": exception.type if exception else "", "message": exception.message if exception else ""},
        "frame": {"file": frame.file, "line": frame.line or "", "function": frame.function, "source": frame.source},
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
        "rerun": lambda **values: rerun(facts, values),
        "half": half,
        "quote": shlex.quote,
    }


def render(text: str, names: dict[str, Any]) -> str:
    """One text. Raises jinja2.TemplateError for names that do not exist and for broken templates."""
    if "{" not in text:
        return text.strip()
    return _template(text).render(names).strip()


def word(finding: Finding, entry: Entry, statement: Statement, facts: RunFacts) -> None:
    """Fill the finding's root cause, fixes and prevention with words.

    A text that cannot be rendered is shown as "(entry …: …)", so that a broken entry of a user harms itself alone.
    """
    unmatched = {group: "" for pattern in entry.patterns for group in pattern.compiled.groupindex}
    names = context(facts, statement, unmatched | finding.captures)
    finding.root_cause = _safe(entry.root_cause, names, entry)
    finding.fix = [fix for raw in entry.fix if (fix := _fix(raw, names, entry)).text]
    finding.prevention = [_safe(text, names, entry) for text in entry.prevention]


def _fix(raw: dict[str, Any], names: dict[str, Any], entry: Entry) -> Fix:
    def rendered(key: str) -> str | None:
        return (_safe(str(raw[key]), names, entry) or None) if raw.get(key) else None

    config = {
        key: value
        for key, template in (raw.get("config") or {}).items()
        if (value := _value(_safe(template, names, entry) if isinstance(template, str) else template)) not in ("", None)
    }
    line = rendered("line")
    return Fix(
        _safe(str(raw.get("text", "")), names, entry), rendered("command"), config or None, rendered("file"),
        int(line) if line and line.isdigit() and int(line) > 0 else None,
    )  # fmt: skip


def _value(value: Any) -> Any:
    """A rendered config value as the type it reads like: "0.5" is a number."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(value.lower(), value)


def _safe(text: str, names: dict[str, Any], entry: Entry) -> str:
    try:
        return render(text, names)
    except (jinja2.TemplateError, TypeError, ValueError, ZeroDivisionError, ArithmeticError) as error:
        return f"(entry {entry.name}: {error})"
