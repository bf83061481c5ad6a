"""Entries as users write them: right ones are found with their captures, wrong ones give one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from postmortem.analyze.catalogue import Catalogue, CatalogueError, files, load
from postmortem.collect.logs.statements import statements_of
from postmortem.collect.logs.traceback import parse_tracebacks
from postmortem.facts import Line, Log, Source

GOOD = r"""
- id: data.empty
  title: no frames at all
  patterns:
    - 'recording (?P<name>\w+) has (?P<count>\d+) frames'
    - match: 'ValueError: (?P<what>empty\b.*)'
      in: [exception]
      log: [stderr]
      frame: 'loader\.py:read'
  not_when:
    - 'only a note'
    - near: 'falling back'
    - before: 'dry run'
    - after: 'all is well'
  explains: [training.*]
  root_cause: '{{ name }} is empty.'
  fix:
    - Look at it.
    - text: Remove it.
      command: rm {{ quote(name) }}
  prevention: [Check first.]
  role: fatal
  references: [https://example.org]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def loaded(path: Path, text: str = GOOD) -> Catalogue:
    path.write_text(text)
    return load([path])


def hits(catalogue: Catalogue, text: str, role: str = "stderr") -> list[dict[str, str]]:
    lines = [Line(number, line) for number, line in enumerate(text.split("\n"), 1)]
    log = Log(Source("slurm.err"), role, lines=lines, tracebacks=parse_tracebacks(lines))
    return [hit.captures for hit in catalogue.search(statements_of(log))]


def test_a_good_entry(path: Path) -> None:
    (entry,) = loaded(path).entries
    assert (entry.name, entry.slug, entry.file) == ("data.empty: no frames at all", "no-frames-at-all", str(path))
    assert [fix["text"] for fix in entry.fix] == ["Look at it.", "Remove it."]
    assert [list(condition) for condition in entry.not_when] == [["statement"], ["near"], ["before"], ["after"]]


HIT = "recording r7 has 0 frames"
OF_READ = (
    'Traceback (most recent call last):\n  File "/p/loader.py", line 3, in read\n    x()\nValueError: empty, so to say'
)


def test_hits_have_their_captures(path: Path) -> None:
    catalogue = loaded(path)
    assert hits(catalogue, HIT) == [{"name": "r7", "count": "0", "": HIT}]
    assert hits(catalogue, OF_READ) == [{"what": "empty, so to say", "": "ValueError: empty, so to say"}]


@pytest.mark.parametrize(
    "text",
    [
        "recording r7 has no frames",
        HIT + ", only a note",
        "falling back to the other\n" + HIT,
        HIT + "\nfalling back to the other",
        "this is a dry run\n" + HIT,
        HIT + "\nin the end all is well",
        "WARNING: " + HIT,
        OF_READ.replace("in read", "in write"),
        "ValueError: empty, without a frame",
    ],
)
def test_look_alikes_are_no_hits(path: Path, text: str) -> None:
    assert hits(loaded(path), text) == []


def test_conditions_hold_on_their_side_only(path: Path) -> None:
    catalogue = loaded(path)
    assert hits(catalogue, HIT + "\nthis was a dry run")
    assert hits(catalogue, "all is well\n" + HIT)
    assert hits(catalogue, "falling back\n" + "x\n" * 30 + HIT)
    assert not hits(catalogue, OF_READ, role="stdout")


def test_an_empty_catalogue_finds_nothing(path: Path) -> None:
    assert hits(loaded(path, ""), HIT) == []
    assert load([]).entries == []


def test_the_users_folder_comes_after_the_bundled_one(tmp_path: Path) -> None:
    own = tmp_path / "postmortem" / "catalogue" / "own.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(GOOD)
    assert files(tmp_path)[-1] == own
    assert files(tmp_path)[:-1] == files() != []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("- id: data.empty", "- id: [data.empty]", "id is ['data.empty']"),
        ("  title: no frames at all\n", "", "'title' is missing"),
        ("role: fatal", "role: deadly", "role 'deadly' is none of fatal, generic"),
        ("role: fatal", "role: [fatal]", "role is ['fatal']"),
        ("  role: fatal\n", "", "'role' is missing"),
        ("  references:", "  refs:", "unknown key 'refs'"),
        ("  references:", "  3: x\n  references:", "unknown key 3"),
        ("explains: [training.*]", "explains: training.*", "explains is 'training.*', but it must be a list"),
        ("prevention: [Check first.]", "prevention: [Check: first]", "prevention holds {'Check': 'first'}"),
        ("root_cause: '{{ name }} is empty.'", "root_cause: 3", "root_cause is 3"),
        (r"'recording (?P<name>\w+)", r"'recording (?P<name>\w+", "is not an RE2 expression"),
        (r"'recording (?P<name>\w+)", r"'recording (?=x)", "is not an RE2 expression"),
        ("- 'recording", "- [a]\n    - 'recording", "a pattern is an expression, or a mapping"),
        ("match: 'ValueError", "matches: 'ValueError", "a pattern is an expression, or a mapping"),
        ("in: [exception]", "in: [exceptions]", "'exceptions' is none of exception, error"),
        ("in: [exception]", "in: exception", "in of a pattern is 'exception', but it must be a list"),
        ("log: [stderr]", "log: [err]", "'err' is none of stderr"),
        (r"frame: 'loader\.py:read'", "frame: '('", "is not an RE2 expression"),
        ("- 'only a note'", "- unless: x", "not_when takes"),
        ("- 'only a note'", "- '['", "is not an RE2 expression"),
        ("- 'only a note'", "- near: [x]", "is not an RE2 expression"),
        ("- text: Remove it.", "- txt: Remove it.", "a fix is a text, or a mapping"),
        ("command: rm", "comand: rm", "unknown key 'comand' of a fix"),
        ("command: rm {{ quote(name) }}", "config: 3", "the config of a fix is 3"),
    ],
)
def test_a_broken_entry_gives_one_clear_sentence(path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(CatalogueError) as caught:
        loaded(path, GOOD.replace(old, new, 1))
    sentence = str(caught.value)
    assert said in sentence
    assert str(path) in sentence
    assert "entry 1" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id: x", "must be a list of entries, not dict"),
        ("- x", "entry 1 must be a mapping"),
        ("- id: x\n  title: [", "cannot be read"),
        ("- id: x\n  root_cause: {{ name }}\n", "cannot be read"),
        ("- !!python/object/apply:os.system ['touch HACKED']", "cannot be read"),
        ("- id: a: b", "cannot be read"),
    ],
)
def test_a_broken_file_gives_one_clear_sentence(path: Path, text: str, said: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        loaded(path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_and_a_binary_file(path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        load([path])
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogueError, match="cannot be read"):
        load([path])
