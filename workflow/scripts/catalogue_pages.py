"""Write the catalogue as pages for people: catalogue_pages.py FOLDER     (called by "make docs")

needs: workflow/catalogue/<group>/<cause>.yaml, the cause vocabulary. makes: FOLDER/README.md, and FOLDER/<group>.md
with a section for each cause; pages of groups that are gone are removed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jinja2
import yaml

from postmortem.analyze import catalogue
from postmortem.analyze.causes import meanings
from postmortem.installation import CATALOGUE
from postmortem.report.render import code_lines, escape_markdown, fenced, inline_code

EXAMPLES_SHOWN = 3  # of an entry; the others are further wordings of the same
GENERATED = "Made by `make docs` from the entries in [workflow/catalogue](../../workflow/catalogue); change those."
INTRODUCTION = f"""# The catalogue of causes

{GENERATED}

What a diagnosis may name as a root cause, and how each cause shows itself in a log: what the log says, what that means,
and the first thing to do. ⟨Angle brackets⟩ stand for what a diagnosis takes from the run's own log and configuration.
The [role](../../workflow/catalogue/README.md) of an entry says how much it may claim.

| cause | what it means | entries |
| --- | --- | --- |
"""


class Placeholder(str):
    """A value that only a failed run has, shown as ⟨its name⟩; so is what a text computes from it."""

    def __new__(cls, words: str) -> Placeholder:
        return super().__new__(cls, f"⟨{words.replace('⟨', '').replace('⟩', '')}⟩")

    def _computed(self, sign: str, other: Any) -> Placeholder:
        return Placeholder(f"{self[1:-1]} {sign} {other}")

    def __truediv__(self, other: Any) -> Placeholder:
        return self._computed("/", other)

    def __floordiv__(self, other: Any) -> Placeholder:
        return self._computed("/", other)


class Observed:
    """A mapping of observations of which any key may be asked: config.lr is ⟨lr⟩, run.run is ⟨run⟩."""

    def __getattr__(self, key: str) -> Placeholder:
        if key.startswith("__"):
            raise AttributeError(key)
        return Placeholder(key)


def run_again(**values: Any) -> Placeholder:
    """What `rerun` gives in a diagnosis: the command of the watched project."""
    changed = ", ".join(f"{key}={value}" for key, value in values.items())
    return Placeholder(f"run this stage again{f' with {changed}' if changed else ''}")


def names_of(entry: catalogue.Entry) -> dict[str, Any]:
    """The names that an entry's texts may use (see workflow/catalogue/README.md), as placeholders."""
    observed = Observed()
    captures = {group: Placeholder(group) for pattern in entry.patterns for group in pattern.compiled.groupindex}
    groups = dict.fromkeys(("exception", "frame", "run", "config", "job", "profile"), observed)
    functions = {"rerun": run_again, "half": lambda value: Placeholder(f"half of {value}"), "quote": str}
    return {"statement": Placeholder("statement"), **groups, **functions, **captures}


def worded(text: Any, entry: catalogue.Entry) -> str:
    """A text of an entry with placeholders. Raises jinja2.TemplateError for names that do not exist."""
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(str(text)).render(names_of(entry)).strip()


def section(entry: catalogue.Entry, examples: list[str]) -> list[str]:
    """One entry: its title, examples, meaning and first fix, as paragraphs."""
    parts = [f"### {escape_markdown(entry.title)}"]
    if examples:
        parts.append(fenced("\n".join(examples[:EXAMPLES_SHOWN])))
    parts.append(escape_markdown(worded(entry.root_cause, entry)))
    parts += first_fix(entry)
    parts.append(f"Role: {inline_code(entry.role)}.")
    return parts


def first_fix(entry: catalogue.Entry) -> list[str]:
    """What to do first; nothing where no fix has a text. Lines after the first one of a fix's text are code."""
    fix, text = next(((fix, text) for fix in entry.fix if (text := worded(fix["text"], entry))), ({}, ""))
    if not text:
        return []
    parts = [f"**First:** {escape_markdown(text.splitlines()[0])}"]
    if "\n" in text:
        parts.append(fenced(code_lines(text), ""))
    if command := worded(fix.get("command") or "", entry):
        parts.append(fenced(command, "sh"))
    for key, value in (fix.get("config") or {}).items():
        parts.append(f"Set {inline_code(key)} to {inline_code(worded(value, entry))}.")
    if file := worded(fix.get("file") or "", entry):
        parts.append(f"File: {inline_code(file)}")
    return parts


def page(group: str, causes: dict[str, str]) -> str:
    """The page of one group."""
    parts = [f"# {group}", f"[All causes](README.md). {GENERATED}"]
    for cause, meaning in causes.items():
        path = file_of(cause)
        parts += [f"## {cause}", f"{escape_markdown(meaning[:1].upper() + meaning[1:])}."]
        if not path.exists():
            parts.append("No log says this by itself: a detector finds it in the other evidence.")
            continue
        parts[-1] += (
            f" Entries: [{path.relative_to(CATALOGUE)}](../../workflow/catalogue/{path.relative_to(CATALOGUE)})."
        )
        for entry, raw in zip(catalogue.load([path]).entries, entries_of(path), strict=True):
            parts += section(entry, examples_of(raw))
    return "\n\n".join(parts) + "\n"


def row(group: str, cause: str, meaning: str) -> str:
    """A cause in the table of all; its address is as forges make them from headings."""
    address = f"{group}.md#{cause.replace('.', '')}"
    return f"| [{cause}]({address}) | {escape_markdown(meaning)} | {len(entries_of(file_of(cause)))} |"


def examples_of(raw: dict[str, Any]) -> list[str]:
    """The lines that an entry's patterns give as examples, each once."""
    found = [pattern.get("example") for pattern in raw["patterns"] if isinstance(pattern, dict)]
    return list(dict.fromkeys(example.strip() for example in found if example))


def file_of(cause: str) -> Path:
    """Where the entries of a cause lie."""
    group, _, name = cause.partition(".")
    return CATALOGUE / group / f"{name or group}.yaml"


def entries_of(path: Path) -> list[dict[str, Any]]:
    """The entries as they are written; none where no file is."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else []


def main(folder: Path) -> None:
    """Write all pages."""
    groups: dict[str, dict[str, str]] = {}
    for cause, meaning in meanings().items():
        groups.setdefault(cause.partition(".")[0], {})[cause] = meaning
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row(group, cause, meaning) for group, causes in groups.items() for cause, meaning in causes.items()]
    pages = {"README.md": INTRODUCTION + "\n".join(rows) + "\n"}
    pages |= {f"{group}.md": page(group, causes) for group, causes in groups.items()}
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in set(folder.glob("*.md")) - {folder / name for name in pages}:
        path.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
