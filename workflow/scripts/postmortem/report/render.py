"""A diagnosis as Markdown for people. Whatever comes from a log is escaped or fenced: it is text, never markup."""

from __future__ import annotations

import json
import re
import textwrap
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from .blocks import Block, blocks

TEMPLATES = Path(__file__).with_name("templates")
EVIDENCE_SHOWN = 3  # blocks of quotes; the four lines that matter must not hide behind fifty
TITLE_CHARACTERS = 110  # of what happened, in the title
CONSEQUENCES_SHOWN = 8
RIVALS_SHOWN = 6
LINE_CHARACTERS = 400  # of a quoted line in the report; diagnosis.json has it whole
# An underscore within a word and a "#" within a line are text in CommonMark; run names stay readable in a terminal.
# Nor does a bracket mean anything unless a bracket closes before a link's end, or begins a list's task or a footnote.
_MARKUP = re.compile(
    r"([\\`*<>|]|^\[|\](?=[(\[:])|\[(?=\^)"
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~(?=~)|^[#+=-]|^\d{1,9}(?=[.)] ))"
)


def escape_markdown(text: Any) -> str:
    """Text in which no character is read as Markdown or HTML, on one line."""
    text = " ".join(str(text).split())
    parts = text.split("`")
    # Pairs of backticks: our own texts mark code with them. A bar within code would end a cell of a table.
    if len(parts) > 2 and len(parts) % 2 and all(parts[1::2]) and "|" not in "".join(parts[1::2]):
        return "".join(inline_code(part) if i % 2 else _escape(part) for i, part in enumerate(parts))
    return _escape(text)


def _escape(text: str) -> str:
    return _MARKUP.sub(_escaped, text.replace("&", "&amp;"))


def _escaped(match: re.Match[str]) -> str:
    found = match[0]
    if found.isdigit():
        return f"&#{ord(found[0])};{found[1:]}"
    return {"<": "&lt;", ">": "&gt;"}.get(found, f"\\{found}")


def link_text(text: Any) -> str:
    """Text within the brackets of a link: in it any bracket counts."""
    return re.sub(r"(?<!\\)([\[\]])", r"\\\1", escape_markdown(text))


def inline_code(text: Any) -> str:
    """Text as inline code, whatever backticks it holds."""
    text = " ".join(str(text).split()) or " "
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fenced(text: str, language: str = "text") -> str:
    """Text in a code fence that nothing in it can close."""
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def code_lines(text: str) -> str:
    """The lines after the first one of a fix's text: code to copy, without its common indent."""
    return textwrap.dedent(text.strip().split("\n", 1)[1])


def excerpt(block: Block) -> str:
    """Quotes with the lines around them; the quoted lines are marked with ">"."""
    if block.line is None:
        return fenced("\n".join(_cut(line) for line in block.text.split("\n")))
    return fenced(_numbered([(number, *block.rows[number]) for number in sorted(block.rows)]))


def source_excerpt(frame: dict[str, Any]) -> str:
    """The source around a frame, its line marked with ">"."""
    return fenced(
        _numbered([(line["number"], line["text"], line["number"] == frame["line"]) for line in frame["lines"]]),
        "python",
    )


def new_lines(good_run: dict[str, Any]) -> str:
    return fenced(_numbered([(line["number"], line["text"], False) for line in good_run["new_lines"]]))


def _numbered(rows: list[tuple[int, str, bool]]) -> str:
    width = len(str(max((number for number, _, _ in rows), default=0)))
    return "\n".join(
        f"{'>' if marked else ' '} {number:>{width}} | {_cut(text)}".rstrip() for number, text, marked in rows
    )


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARACTERS else text[:LINE_CHARACTERS] + "…"


def _sure(confidence: float) -> str:
    words = ((0.9, "almost certain"), (0.75, "very likely"), (0.5, "likely"), (0.33, "possible"))
    return f"{next((word for limit, word in words if confidence >= limit), 'not known')} ({confidence:.2f})"


def _title(diagnosis: dict[str, Any]) -> str:
    """What happened, in as much of the summary as a title holds."""
    summary = diagnosis["summary"].removeprefix(f"{diagnosis['run']}: ").removeprefix(f"{diagnosis['run']} ").strip()
    first = re.split(r"(?<=[.!?]) (?=[A-Z(])", summary, maxsplit=1)[0].rstrip(".")
    if len(first) > TITLE_CHARACTERS:
        first = f"{first[:TITLE_CHARACTERS].rpartition(' ')[0] or first[:TITLE_CHARACTERS]}…"
    return first


def _more(diagnosis: dict[str, Any]) -> str:
    """The explanation without what the summary has said already; empty if that is all and other proof follows."""
    explanation = " ".join(diagnosis["root_cause"]["explanation"].split())
    rest = explanation.removeprefix(diagnosis["summary"].rstrip("…")).strip()
    if rest[:1].isupper() or rest[:1] == "(":
        return rest
    same = explanation.rstrip(".") == diagnosis["summary"].rstrip(".…")
    return "" if same and _says_more(diagnosis) else explanation


def _says_more(diagnosis: dict[str, Any]) -> bool:
    """Whether something else stands under the root cause: the place, or what confirms it."""
    root = diagnosis["root_cause"]
    return bool(diagnosis["traceback"] or root["confirmed_by"] or root["upstream_run"] or root["would_refute"])


def _when(job: dict[str, str]) -> str:
    """ "job 70 on p0318, 2026-11-23T23:09:19 to 23:09:27", as far as it is known."""
    said = f"job {job['id']}" + (f" on {job['node']}" if job["node"] else "")
    start, end = job["start"], job["end"]
    if start and end and start[:10] == end[:10]:
        end = end[11:] or end
    return said + (f", {start} to {end}" if start and end else f", since {start}" if start else "")


_ABSENT = re.compile(r": (?:there is no such file|not there|absent)$")


def _not_checked(items: list[str]) -> list[str]:
    """What could not be checked, with all that is simply not there on one line."""
    absent = [_ABSENT.sub("", item) for item in items if _ABSENT.search(item)]
    others = [item for item in items if not _ABSENT.search(item)]
    return others + ([f"not there: {', '.join(absent)}"] if absent else [])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


@lru_cache(maxsize=2)
def environment(html: bool = False) -> jinja2.Environment:
    """The templates' environment; values are escaped for HTML if `html`."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "md": escape_markdown, "link_text": link_text, "code": inline_code, "fenced": fenced, "code_lines": code_lines,
        "excerpt": excerpt,
        "source_excerpt": source_excerpt, "new_lines": new_lines, "sure": _sure, "json": _json, "title": _title,
        "more": _more, "when": _when, "not_checked": _not_checked,
    }  # fmt: skip
    return env


def markdown(diagnosis: dict[str, Any]) -> str:
    """diagnosis.md for one diagnosis as diagnosis.json holds it."""
    quoted = blocks(diagnosis["evidence"])
    others = diagnosis.get("also_seen") or []
    rivals = [item for item in others if not item["explained_by"]][:RIVALS_SHOWN]
    consequences = [item for item in others if item["explained_by"]][:CONSEQUENCES_SHOWN]
    text = environment().get_template("diagnosis.md.j2").render(
        d=diagnosis, shown=quoted[:EVIDENCE_SHOWN], hidden=len(quoted[EVIDENCE_SHOWN:]), consequences=consequences,
        rivals=rivals,
    )  # fmt: skip
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"
