"""The product's own YAML files are read once and then from JSON beside them, and never from an old one."""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import pytest

from postmortem.installation import table


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "causes.yaml"
    path.write_text("gpu: [oom]\n")
    return path


def kept(path: Path) -> Path:
    return path.parent / "__pycache__" / "causes.yaml.json.z"


def test_it_is_read_again_from_what_was_kept(path: Path) -> None:
    assert table(path) == {"gpu": ["oom"]}
    known = json.loads(zlib.decompress(kept(path).read_bytes()))
    kept(path).write_bytes(zlib.compress(json.dumps({**known, "table": {"gpu": ["as kept"]}}).encode()))
    assert table(path) == {"gpu": ["as kept"]}


def test_what_was_changed_is_read_anew(path: Path) -> None:
    table(path)
    path.write_text("gpu: [oom, contended]\n")
    assert table(path) == {"gpu": ["oom", "contended"]}


@pytest.mark.parametrize("content", [b"", b"{", *map(zlib.compress, (b"{", b"[]", b'{"made_of": 7}'))])
def test_what_is_no_longer_readable_is_made_again(content: bytes, path: Path) -> None:
    table(path)
    kept(path).write_bytes(content)
    assert table(path) == {"gpu": ["oom"]}


@pytest.mark.parametrize("text", ["7: a key that is no text\n", "since: 2026-11-27\n"])
def test_what_json_does_not_hold_is_not_kept(text: str, path: Path) -> None:
    path.write_text(text)
    assert table(path) == table(path)
    assert not kept(path).exists()


def test_an_installation_that_cannot_be_written_to_is_read_all_the_same(path: Path) -> None:
    (path.parent / "__pycache__").write_text("a file where the folder would be")
    assert table(path) == {"gpu": ["oom"]}
