"""The summary over all runs: one row each, whatever the diagnoses hold, and nothing of them becomes markup."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from markdown_check import headings, tokens
from test_render import HOSTILE, diagnosis

from postmortem.report.summary import COLUMNS, write


def summarise(tmp_path: Path, *diagnoses: Any, raw: bytes | None = None) -> dict[str, str]:
    paths = []
    for number, content in enumerate(diagnoses):
        path = tmp_path / "runs" / "d" / f"r{number}" / "diagnosis.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content)) if raw is None else path.write_bytes(raw)
        paths.append(path)
    targets = {kind: tmp_path / "runs" / f"diagnoses.{kind}" for kind in ("md", "html", "tsv")}
    write(paths, tmp_path / "runs", targets)
    return {kind: path.read_text() for kind, path in targets.items()}


class Page(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_comment(self, data: str) -> None:
        self.elements.append("comment")

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize("hostile", [said for said in HOSTILE if said])
def test_nothing_of_a_diagnosis_becomes_markup(tmp_path: Path, hostile: str) -> None:
    harmless, attacked = (summarise(tmp_path, diagnosis(said), diagnosis(said)) for said in ("harmless", hostile))
    assert headings(attacked["md"], 1) == ["Diagnoses"]
    assert headings(attacked["md"]) == headings(harmless["md"])
    assert [
        t.type for t in tokens(attacked["md"]) if t.type in ("tr_open", "td_open", "link_open", "html_inline", "image")
    ] == [
        t.type for t in tokens(harmless["md"]) if t.type in ("tr_open", "td_open", "link_open", "html_inline", "image")
    ]
    page, other = Page(attacked["html"]), Page(harmless["html"])
    assert (page.elements, page.attributes) == (other.elements, other.attributes)
    assert hostile in page.said
    rows = list(csv.reader(attacked["tsv"].splitlines(), dialect="excel-tab"))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 3


def test_a_row_for_each_run_and_a_link_to_its_report(tmp_path: Path) -> None:
    first, second = diagnosis("d/a"), diagnosis("d/b")
    second["root_cause"] = second["root_cause"] | {"id": "unknown"}
    made = summarise(tmp_path, second, first)
    rows = list(csv.DictReader(made["tsv"].splitlines(), dialect="excel-tab"))
    assert [(row["run"], row["cause"]) for row in rows] == [("d/a", "code.bug"), ("d/b", "unknown")]
    links = [unquote(str(token.attrGet("href"))) for token in tokens(made["md"]) if token.type == "link_open"]
    assert links == ["d/r1/diagnosis.md", "d/r0/diagnosis.md"]
    assert "2 failed; the cause of 1 is not known." in made["md"]


def test_runs_of_which_nothing_says_how_they_ended_are_named(tmp_path: Path) -> None:
    targets = {kind: tmp_path / f"diagnoses.{kind}" for kind in ("md", "html", "tsv")}
    hostile = "d/\x1b[31m<b>\n# caf\udce9"
    write([], tmp_path, targets, [hostile, *(f"d/run_{number}" for number in range(22))])
    for kind in ("md", "html"):
        text = targets[kind].read_text()
        assert "nothing says how they ended" in text and "18 and 3 more" in text.replace("run\\_", "")
        assert "\x1b" not in text and "\n# caf" not in text
    assert "<b>" not in targets["html"].read_text() and not [
        token for token in tokens(targets["md"].read_text()) if token.type.startswith("html")
    ]


def test_no_runs(tmp_path: Path) -> None:
    made = summarise(tmp_path)
    assert "No run is known to have failed." in made["md"]
    assert made["tsv"].splitlines() == ["\t".join(COLUMNS)]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"3", b"null", b"{}", b'{"run": "x"}', b"\xff\xfe", b'{"root_cause": []}', b'{"fix": 3}']
)
def test_a_file_that_is_no_diagnosis_gets_a_row_that_says_so(tmp_path: Path, raw: bytes) -> None:
    made = summarise(tmp_path, None, raw=raw)
    (row,) = csv.DictReader(made["tsv"].splitlines(), dialect="excel-tab")
    assert row["status"] == "unknown"
    assert "cannot be read" in row["summary"]
    assert "cannot be read" in made["html"]


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = Page(summarise(tmp_path, diagnosis("x"))["html"])
    assert not {"src", "href"} & page.attributes
    assert not {"script", "link", "img", "iframe"} & set(page.elements)


def test_a_directory_whose_name_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "d\udcff" / "r" / "diagnosis.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(diagnosis("x")))
    targets = {kind: tmp_path / "runs" / f"diagnoses.{kind}" for kind in ("md", "html", "tsv")}
    write([path], tmp_path / "runs", targets)
    assert "d%FF/r/diagnosis.md" in targets["md"].read_text()


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "experimentruns" / "=cmd()" / "-run" / "diagnosis.json"
    path.parent.mkdir(parents=True)
    said = {"run": "=cmd()/-run", "status": "failed", "summary": "+1+1", "fix": [{"text": "@SUM(A1)", "command": "-x"}]}
    path.write_text(json.dumps(said | {"root_cause": {"id": "unknown", "confidence": 0.3}}))
    targets = {"tsv": tmp_path / "diagnoses.tsv"}
    assert write([path], tmp_path / "experimentruns", targets) == []
    _, row = targets["tsv"].read_text().splitlines()
    assert not [cell for cell in row.split("\t") if cell.startswith(("=", "+", "-", "@"))], row
