"""Write the catalogue as pages for people: catalogue_pages.py FOLDER     (called by "make docs")

needs: workflow/catalogue/<group>/<cause>.yaml, the cause vocabulary. makes: FOLDER/README.md, and FOLDER/<group>.md
with a section for each cause; pages of groups that are gone are removed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jinja2

from postmortem.analyze.catalogue import Entry, files, load
from postmortem.analyze.causes import meanings
from postmortem.analyze.remedies.settings import Setting
from postmortem.report.render import code_lines, escape_markdown, fenced, inline_code

EXAMPLES_SHOWN = 3  # of an entry; the others are further wordings of the same
OBSERVATIONS = ("exception", "frame", "surfaced", "run", "config", "job", "profile")  # that a text may ask for a key
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


class Observed(Placeholder):
    """A mapping of observations of which any key may be asked: config.lr is ⟨lr⟩, profile.data.cache ⟨data.cache⟩."""

    def __getattr__(self, key: str) -> Observed:
        if key.startswith("__"):
            raise AttributeError(key)
        name = self[1:-1]
        return Observed(key if name in OBSERVATIONS else f"{name}.{key}")


def run_again(**values: Any) -> Placeholder:
    """What `rerun` gives in a diagnosis: the command of the watched project."""
    changed = ", ".join(f"{key}={value}" for key, value in values.items())
    return Placeholder(f"run this stage again{f' with {changed}' if changed else ''}")


def submit_again(job: str = "", more: str = "", exclude: str = "") -> Placeholder:
    """What `submit_again` gives in a diagnosis: the command of the workflow or of sbatch."""
    changed = f" with more {more}" if more else f" without {exclude}" if exclude else ""
    return Placeholder(f"submit the job again{changed}")


def names_of(entry: Entry) -> dict[str, Any]:
    """The names that an entry's texts may use (see workflow/catalogue/README.md), as placeholders."""
    captures = {group: Placeholder(group) for pattern in entry.patterns for group in pattern.compiled.groupindex}
    groups = {name: Observed(name) for name in OBSERVATIONS}
    functions = {
        "learning_rate": Setting, "batch_size": Setting, "rerun": run_again, "submit_again": submit_again, "quote": str,
        "half": lambda value: Placeholder(f"half of {value}"),
        "dirname": lambda path: Placeholder(f"folder of {path}"),
        "release": lambda module, name="": Placeholder("the release that has it"),
        "basename": lambda path: Placeholder(f"name of {path}"),
        "lies_at": lambda path: "", "at_root": lambda name: False,
        "files": lambda: [Placeholder("files")], "glued": lambda path: "",
        "cache": lambda path="": {"owner": "", "command": ""},
        "place_below": lambda: {"file": "", "line": "", "function": ""},
    }  # fmt: skip
    texts = {name: Placeholder(name) for name in ("statement", "folder", "longer_time", "this_node", "below")}
    texts |= {"python": "python", "complaint": "", "importer": ""}
    return {**texts, **groups, **functions, **captures}


def worded(text: Any, entry: Entry) -> str:
    """A text of an entry with placeholders. Raises jinja2.TemplateError for names that do not exist."""
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(str(text)).render(names_of(entry)).strip()


def section(entry: Entry) -> list[str]:
    """One entry: its title, examples, meaning and first fix, as paragraphs."""
    parts = [f"### {escape_markdown(entry.title)}"]
    examples = list(dict.fromkeys(pattern.example.strip() for pattern in entry.patterns if pattern.example))
    if shown := examples[:EXAMPLES_SHOWN]:
        between = "\n\n" if any("\n" in example for example in shown) else "\n"
        parts.append(fenced(between.join(shown)))
    parts.append(escape_markdown(worded(entry.root_cause, entry)))
    parts += first_fix(entry)
    parts.append(f"Role: {inline_code(entry.role)}.")
    return parts


def first_fix(entry: Entry) -> list[str]:
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


def page(group: str, causes: dict[str, str], entries: dict[str, list[Entry]]) -> str:
    """The page of one group. causes: ids with their meanings. entries: those of each cause that has some."""
    parts = [f"# {group}", f"[All causes](README.md). {GENERATED}"]
    for cause, meaning in causes.items():
        parts += [f"## {cause}", f"{escape_markdown(meaning[:1].upper() + meaning[1:])}."]
        if cause not in entries:
            parts.append("No log says this by itself: a detector finds it in the other evidence.")
            continue
        file = entries[cause][0].file
        parts[-1] += f" Entries: [{file}](../../workflow/catalogue/{file})."
        for entry in entries[cause]:
            parts += section(entry)
    return "\n\n".join(parts) + "\n"


def row(group: str, cause: str, meaning: str, count: int) -> str:
    """A cause in the table of all; its address is as forges make them from headings."""
    entries = count or "found by detectors"
    return f"| [{cause}]({group}.md#{cause.replace('.', '')}) | {escape_markdown(meaning)} | {entries} |"


def main(folder: Path) -> None:
    """Write all pages."""
    entries: dict[str, list[Entry]] = {}
    for entry in load(files()).entries:
        entries.setdefault(entry.id, []).append(entry)
    groups: dict[str, dict[str, str]] = {}
    for cause, meaning in meanings().items():
        groups.setdefault(cause.partition(".")[0], {})[cause] = meaning
    rows = [
        row(group, cause, meaning, len(entries.get(cause, [])))
        for group, causes in groups.items()
        for cause, meaning in causes.items()
    ]
    pages = {"README.md": INTRODUCTION + "\n".join(rows) + "\n"}
    pages |= {f"{group}.md": page(group, causes, entries) for group, causes in groups.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in set(folder.glob("*.md")) - {folder / name for name in pages}:
        path.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
