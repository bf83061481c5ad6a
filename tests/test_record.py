"""The record of the catalogue's entries: what it makes of a confidence, and how the tools make and check it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from postmortem.analyze import record
from postmortem.analyze.catalogue import STRENGTHS
from postmortem.analyze.findings import FATAL, GENERIC, HINT, SYMPTOM, WRAPPER
from postmortem.analyze.resolve import UNDECIDED
from postmortem.installation import RECORD, REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tools"))
import record as records
import reliability

SURE = 0.8


def test_every_strength_has_its_share() -> None:
    assert tuple(record.SHARE) == STRENGTHS


def test_a_sentence_is_sure_without_a_record_and_what_others_print_too_is_not() -> None:
    assert record.sureness(FATAL, "sentence", 0, 0) == 0.9
    assert record.sureness(FATAL, "wording", 1, 0) < SURE <= record.sureness(FATAL, "wording", 2, 0)
    assert record.sureness(FATAL, "word", 4, 0) < SURE <= record.sureness(FATAL, "word", 5, 0)
    assert record.sureness(GENERIC, "sentence", 0, 0) == 0.75


def test_a_few_repositories_mean_little() -> None:
    for role in (FATAL, GENERIC, SYMPTOM):
        for strength in STRENGTHS:
            start = record.sureness(role, strength, 0, 0)
            assert start < record.sureness(role, strength, 1, 0) < start + 0.1
            assert start - record.sureness(role, strength, 0, 1) > 0.05
    assert record.sureness(FATAL, "sentence", 0, 1) < SURE
    assert record.sureness(FATAL, "sentence", 100, 0) <= 1.0


def test_what_is_no_answer_has_no_record() -> None:
    assert record.sureness(HINT, "word", 9, 0) == record.EXPECTED[HINT]
    assert record.sureness(WRAPPER, "word", 0, 9) == record.EXPECTED[WRAPPER]


def test_the_file_holds_counts_and_nothing_else() -> None:
    content = yaml.safe_load(RECORD.read_text())
    assert content and all(
        isinstance(counts, list) and len(counts) == 2 and all(isinstance(n, int) and n >= 0 for n in counts)
        for counts in content.values()
    )
    assert record.of_entry("no.such: entry") == (0, 0)
    name, counts = next(iter(content.items()))
    assert record.of_entry(name) == tuple(counts)


# --- the tools -------------------------------------------------------------------------------------------------------

ENTRY = "gpu.oom: torch allocator"


def _answer(repository: str, right: bool = True, strength: str = "wording", **more: Any) -> records.Answer:
    start = record.sureness(FATAL, strength, 9, 0)
    answer = records.Answer("case", "public/case", repository, ENTRY, FATAL, strength, right, start, ())
    return replace(answer, **more)


def test_a_repository_counts_once_and_is_wrong_if_one_of_its_answers_is() -> None:
    given = [_answer("a"), _answer("a"), _answer("b"), _answer("b", right=False)]
    assert records.counts(given) == {ENTRY: (1, 1)}
    assert records.counts(given, without="b") == {ENTRY: (1, 0)}
    assert yaml.safe_load(records.written(records.counts(given))) == {ENTRY: [1, 1]}


def test_no_run_speaks_for_itself() -> None:
    alone = [_answer("a"), _answer("a")]
    assert reliability.without_its_own(alone[0], alone) == record.sureness(FATAL, "wording", 0, 0)
    others = [*alone, _answer("b"), _answer("c")]
    assert reliability.without_its_own(alone[0], others) == record.sureness(FATAL, "wording", 2, 0)
    told = _answer("a", reasons=((0.06, "the data"), (-0.35, "the program went on after it")))
    assert reliability.without_its_own(told, others) == pytest.approx(0.82 + 0.06 - 0.35)
    undecided = _answer("a", strength="sentence", reasons=((-0.04, UNDECIDED), (0.06, "the data")))
    assert reliability.without_its_own(undecided, others) == 0.79


def test_from_labels_and_kept_diagnoses_to_the_record(tmp_path: Path) -> None:
    cases = {"001-x": "https://github.com/Some/One/blob/main/a.err", "002-y": "https://github.com/some/one/issues/3"}
    for name, url in (cases | {"003-z": "unknown"}).items():
        folder = tmp_path / "cases" / name
        folder.mkdir(parents=True)
        (folder / "label.yaml").write_text(yaml.safe_dump({"cause": "gpu.oom", "url": url}))
        kept = tmp_path / "kept/streams/experimentruns/public" / name
        kept.mkdir(parents=True)
        candidate = {
            "standing": "root cause", "entry": ENTRY, "role": "fatal", "strength": "sentence", "confidence": 0.9,
            "for": ["+0.90 gpu.oom: torch allocator (fatal, sentence)", "+0.06 the data"], "against": [],
        }  # fmt: skip
        (kept / "diagnosis.json").write_text(json.dumps({"trace": {"candidates": [candidate]}}))
    score = {
        "cases": [
            {"case": name, "run": f"public/{name}", "want": ["gpu.oom"], "got": "gpu.oom", "right": True}
            for name in (*cases, "003-z")
        ]
    }
    found = records.answers(score, tmp_path / "kept", [tmp_path / "cases"])
    assert [answer.repository for answer in found] == ["some/one", "some/one", "003-z"]
    assert found[0].reasons == ((0.06, "the data"),)
    assert records.counts(found) == {ENTRY: (2, 0)}


def test_the_table_counts_the_sure_and_the_surely_wrong() -> None:
    cases = [
        {"want": ["a"], "got": "a", "right": True, "confidence": 0.9},
        {"want": ["a"], "got": "b", "right": False, "confidence": 0.85},
        {"want": ["a"], "got": "b", "right": False, "confidence": 0.5},
        {"want": ["a"], "got": "unknown", "right": False, "confidence": 0.0},
        {"want": [], "got": "ok", "right": True, "confidence": 0.0},
    ]
    assert reliability.table(cases).endswith("2 of 3 answers are sure (0.8 and more), 1 of these wrong")
