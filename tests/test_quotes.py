"""Every diagnosis of a provoked failure is valid, and what it quotes really stands where it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from markdown_check import assert_only_ours, fences
from replay import diagnose_folder, diagnose_text

from postmortem.report.blocks import blocks
from postmortem.report.render import EVIDENCE_SHOWN, LINE_CHARACTERS, markdown
from postmortem.text import clean

FIXTURES = Path(__file__).parent / "provoked"
SCHEMA = Path(__file__).resolve().parents[1] / "workflow" / "schemas" / "diagnosis.schema.json"


@pytest.fixture(scope="module")
def diagnoses() -> dict[Path, dict[str, Any]]:
    return {folder.parent: diagnose_folder(folder.parent) for folder in sorted(FIXTURES.glob("*/label.yaml"))}


def located(diagnoses: dict[Path, dict[str, Any]]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for folder, diagnosis in diagnoses.items():
        for item in [*diagnosis["evidence"], *diagnosis["also_seen"]]:
            if item["line"] is not None and (folder / item["source"]).is_file():
                yield folder, item


def pieces(folder: Path, item: dict[str, Any], offset: int) -> list[str]:
    """What stands in a line of the file, in the pieces that carriage returns make, as a terminal shows it."""
    lines = (folder / item["source"]).read_bytes().split(b"\n")
    number = item["line"] - 1 + offset
    return [clean(piece) for piece in [lines[number], *lines[number].split(b"\r")]] if number < len(lines) else []


def test_quotes_stand_where_they_say(diagnoses: dict[Path, dict[str, Any]]) -> None:
    checked, wrong = 0, []
    for folder, item in located(diagnoses):
        checked += 1
        first = item["text"].split("\n", 1)[0]
        if not any(first.strip() and first in piece for piece in pieces(folder, item, 0)):
            wrong.append(f"{folder.name}/{item['source']}:{item['line']}: {first[:100]!r} for {item['finding']}")
    assert not wrong, f"{len(wrong)} of {checked}: " + "\n".join(wrong[:20])
    assert checked > len(diagnoses)


def test_further_lines_of_a_quote_follow_the_first(diagnoses: dict[Path, dict[str, Any]]) -> None:
    wrong = []
    for folder, item in located(diagnoses):
        quoted = item["text"].split("\n")
        if len(quoted) > 1 and not all(
            any(line in piece for piece in pieces(folder, item, offset)) for offset, line in enumerate(quoted)
        ):
            wrong.append(f"{folder.name}/{item['source']}:{item['line']}: {quoted}")
    assert not wrong, f"{len(wrong)}: " + "\n".join(wrong[:20])


def test_neighbours_stand_where_they_say(diagnoses: dict[Path, dict[str, Any]]) -> None:
    for folder, item in located(diagnoses):
        for line in [*item["before"], *item["after"]]:
            assert any(line["text"] in piece for piece in pieces(folder, {**item, "line": line["number"]}, 0)), (
                f"{folder.name}/{item['source']}:{line}"
            )


def test_the_report_shows_the_quotes(diagnoses: dict[Path, dict[str, Any]]) -> None:
    for folder, diagnosis in diagnoses.items():
        report = markdown(diagnosis)
        assert_only_ours(report)
        shown = "\n".join(fences(report))
        quoted = blocks(diagnosis["evidence"])[:EVIDENCE_SHOWN]
        repeated = {(block.source, line) for block in quoted for line in block.repeated}
        for item in diagnosis["evidence"][:EVIDENCE_SHOWN]:
            if (item["source"], item["line"]) in repeated:
                continue
            first = item["text"].split("\n")[0].rstrip()
            assert first[:LINE_CHARACTERS] in shown, f"{folder.name}: {first}"
            if item["line"]:
                assert f"> {item['line']} | {first[:LINE_CHARACTERS]}" in "\n".join(
                    " ".join(line.split(maxsplit=1)) if line.startswith(">") else line for line in shown.split("\n")
                ).replace(">  ", "> "), f"{folder.name}: {item}"


def test_every_diagnosis_fits_the_schema(diagnoses: dict[Path, dict[str, Any]]) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for folder, diagnosis in diagnoses.items():
        assert not [error.message for error in validator.iter_errors(diagnosis)], folder.name
        assert json.loads(json.dumps(diagnosis, allow_nan=False)) == diagnosis, folder.name


def test_the_schema_refuses_what_is_none(diagnoses: dict[Path, dict[str, Any]]) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    good = next(iter(diagnoses.values()))
    for wrong in (
        {"summary": "x" * 301},
        {"status": "broken"},
        {"evidence": [{"source": "x", "text": "y", "line": 0}]},
    ):
        assert not validator.is_valid(good | wrong)


def test_what_the_root_led_to_in_the_end_is_quoted_too(tmp_path: Path) -> None:
    diagnosis = diagnose_text(
        "ERROR: No matching distribution found for ipython==9.4.0\n"
        "Traceback (most recent call last):\n"
        '  File "/p/train.py", line 4, in <module>\n'
        "    from transformers import AutoTokenizer\n"
        "ModuleNotFoundError: No module named 'transformers'\n",
        tmp_path,
    )
    assert [(item["finding"], item["line"]) for item in diagnosis["evidence"]][:2] == [
        ("code.library_conflict", 1),
        ("code.import", 5),
    ]
