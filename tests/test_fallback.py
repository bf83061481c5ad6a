"""When the diagnosis itself goes wrong: the job goes on, and the result, of the usual shape, says what broke."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from made_runs import facts_of, make_run

from postmortem import facts
from postmortem.analyze import catalogue, diagnose
from postmortem.analyze.catalogue import Catalogue
from postmortem.collect.logs.scan import signal_patterns
from postmortem.discover import discovery
from postmortem.errors import describe
from postmortem.jobs import handover, stages
from postmortem.project import project
from postmortem.report import fallback, render

RUN = "set_01/teacher_autoencoder"
SCHEMA = Path(__file__).resolve().parents[1] / "workflow" / "schemas" / "diagnosis.schema.json"
OTHER = "set_01/student_autoencoder"
CRASH = 'Traceback (most recent call last):\n  File "t.py", line 3, in f\n    g()\nKeyError: 1\n'


@pytest.fixture
def targets(tmp_path: Path) -> list[Path]:
    return [tmp_path / "experimentruns" / run / "diagnosis.facts.json" for run in (RUN, OTHER)]


def beside(paths: list[Path], name: str) -> list[str]:
    return [str(path.with_name(name)) for path in paths]


def break_once(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, run: str) -> None:
    """That function breaks for one run, and works for the others."""
    works = getattr(module, name)

    def breaks(given: Any, *others: Any) -> Any:
        known = given["run"] if isinstance(given, dict) else given.run
        if known == run:
            raise ValueError("first line\nsecond line")
        return works(given, *others)

    monkeypatch.setattr(module, name, breaks)


def write_facts(targets: list[Path]) -> None:
    for run, target in zip((RUN, OTHER), targets, strict=True):
        facts.write(facts_of(run, "failed"), target)


def test_a_diagnosis_of_a_run_that_broke_says_so(
    targets: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_facts(targets)
    break_once(monkeypatch, diagnose, "diagnose", RUN)
    files = [str(path) for path in catalogue.files()]
    stages.analyze_batch([str(path) for path in targets], files, beside(targets, "diagnosis.json"))
    broken, whole = (json.loads(Path(path).read_text()) for path in beside(targets, "diagnosis.json"))
    assert (broken["run"], broken["status"], broken["root_cause"]["id"]) == (RUN, "unknown", "unknown")
    assert broken["not_checked"] == ["the analysis broke (ValueError: first line second line)"]
    assert whole["run"] == OTHER and not any("broke" in line for line in whole["not_checked"])
    jsonschema.validate(broken, json.loads(SCHEMA.read_text()))
    assert "second line" in caplog.text, "the log has the traceback"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": 3}', "\x00\xff"])
def test_facts_that_cannot_be_read(content: str, tmp_path: Path) -> None:
    source, target = tmp_path / "a" / "diagnosis.facts.json", tmp_path / "a" / "diagnosis.json"
    source.parent.mkdir()
    source.write_text(content)
    stages.analyze_one(source, Catalogue([]), [], target)
    assert json.loads(target.read_text())["root_cause"]["explanation"].startswith("the analysis broke (")


def test_a_report_that_broke_has_all_headings_and_says_where_to_look(
    targets: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_facts(targets)
    files = [str(path) for path in catalogue.files()]
    stages.analyze_batch([str(path) for path in targets], files, beside(targets, "diagnosis.json"))
    break_once(monkeypatch, render, "markdown", RUN)
    stages.report_batch(beside(targets, "diagnosis.json"), beside(targets, "diagnosis.md"))
    broken, whole = (Path(path).read_text() for path in beside(targets, "diagnosis.md"))
    for text in (broken, whole):
        headings = [line for line in text.splitlines() if line.startswith("## ")]
        assert headings[:5] == [f"## {name}" for name in fallback.HEADINGS]
    assert "ValueError: first line second line" in broken and "diagnosis.json" in broken and RUN in broken
    assert "The report broke" not in whole


def test_facts_that_cannot_be_written_are_told_in_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path, RUN, stderr=CRASH)
    known = project.from_config({"sacct": "off"}, tmp_path)
    found = discovery.discover(known)
    state = found.state_of(RUN)
    assert state is not None
    state.sentinel = {"not for JSON": object()}
    stages.collect_one(known, state, found.all_runs, signal_patterns, tmp_path / "facts.json")
    written = facts.read(tmp_path / "facts.json")
    assert written.run == RUN and "could not be written (TypeError" in written.not_collected
    target = tmp_path / "diagnosis.json"
    stages.analyze_one(tmp_path / "facts.json", catalogue.load(catalogue.files()), [], target)
    result = json.loads(target.read_text())
    assert result["status"] == "unknown" and "could not be written" in result["root_cause"]["explanation"]


def test_a_run_that_is_gone_since_the_jobs_were_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, there = collected_after(tmp_path, monkeypatch, lambda: shutil.rmtree(tmp_path / "experimentruns/set_09"))
    assert gone.state == "unknown" and "is gone now" in gone.reasons[0]
    assert there.state == "failed" and there.logs


def test_what_was_found_is_gone_since_the_jobs_were_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for known in collected_after(tmp_path, monkeypatch, lambda: shutil.rmtree(tmp_path / handover.FOLDER)):
        assert known.state == "unknown" and known.logs[0].tracebacks
        assert "1.json: what was found of this run is not there any more" in known.not_checked[0]


def collected_after(root: Path, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> list[facts.RunFacts]:
    """The facts of set_09/gone and RUN, collected as the jobs do after something has happened to what was planned."""
    runs = ["set_09/gone", RUN]
    for run in runs:
        make_run(root, run, stderr=CRASH)
    monkeypatch.chdir(root)
    watched = project.from_config({"sacct": "off"}, root)
    file = handover.file_of_batch("1")
    handover.write(watched, discovery.discover(watched).runs, file)
    happens()
    targets = [root / "first.json", root / "second.json"]
    files = [str(path) for path in catalogue.files()]
    stages.collect_batch({"sacct": "off"}, runs, file, files, [str(path) for path in targets])
    return [facts.read(path) for path in targets]


def test_a_catalogue_file_that_is_broken_costs_only_itself(tmp_path: Path) -> None:
    good = [str(path) for path in catalogue.files()]
    broken = tmp_path / "own.yaml"
    broken.write_text("- id: [")
    entries, problems = stages.load_catalogue([*good, str(broken)])
    whole, none = stages.load_catalogue(good)
    assert len(entries.entries) == len(whole.entries) and none == []
    assert len(problems) == 1 and "own.yaml" in problems[0]


def test_an_exception_in_one_line() -> None:
    assert describe(KeyError("a\n  b")) == r"KeyError: 'a\n b'"
    assert describe(ValueError("a\n  b")) == "ValueError: a b"
    assert len(describe(ValueError("x" * 10_000))) == 500
