"""A database is read without a trace: no lock, no file beside it, and nothing deleted that its journal names."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from postmortem.databases import NotADatabase, opened

MAGIC = bytes.fromhex("d9d505f920a163d7")


def interrupted(folder: Path, names: Path) -> Path:
    """A database whose writer died within a transaction; its journal names a super-journal."""
    path = folder / "runs.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE runs (run_id TEXT)")
        database.executemany("INSERT INTO runs VALUES (?)", [("x" * 500,)] * 200)
    database.close()
    writer = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA cache_size=1", "PRAGMA cache_spill=1", "BEGIN", "UPDATE runs SET run_id = 'lost'"):
        writer.execute(statement)
    copy = folder / "copy" / path.name
    copy.parent.mkdir()
    for suffix in ("", "-journal"):
        shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    writer.close()
    name = os.fsencode(names)
    record = bytes(4) + name + len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big") + MAGIC
    with Path(f"{copy}-journal").open("ab") as journal:
        journal.write(record)
    return copy


def rows(path: Path) -> int:
    with opened(path) as database:
        return int(database.execute("SELECT count(*) FROM runs WHERE run_id != 'lost'").fetchone()[0])


def test_a_file_that_the_journal_names_stays(tmp_path: Path) -> None:
    """SQLite itself deletes it, which is what makes this a test."""
    victim = tmp_path / "thesis.tex"
    victim.write_text("\\documentclass{book}")
    path = interrupted(tmp_path, victim)
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    assert rows(path) == 200  # the transaction was rolled back
    assert victim.exists()
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before
    with sqlite3.connect(path) as database:
        database.execute("SELECT count(*) FROM runs").fetchone()
    assert not victim.exists()


def test_a_journal_whose_super_journal_is_gone_rolls_nothing_back(tmp_path: Path) -> None:
    path = interrupted(tmp_path, tmp_path / "gone")
    assert rows(path) < 200


def test_a_pipe_beside_a_database_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE runs (run_id TEXT)")
    os.mkfifo(f"{path}-journal")
    with pytest.raises(OSError, match="named pipe"), opened(path):
        pass
    os.mkfifo(tmp_path / "pipe.db")
    with pytest.raises(OSError, match="named pipe"), opened(tmp_path / "pipe.db"):
        pass


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("run,status")
    with pytest.raises(NotADatabase), opened(tmp_path / "a.db"):
        pass
