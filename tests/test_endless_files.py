"""Whatever lies where a file is looked for, a pipe without a writer or a device without an end, nothing waits."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from whole_chain import collected, diagnosed
from whole_project import RUN, project_with_everything

from postmortem.files import open_file, read_text

PACKAGE = Path(__file__).resolve().parent.parent / "workflow" / "scripts" / "postmortem"
SECONDS = 20  # for a diagnosis that takes a tenth of one
# Where the package opens something itself: the door, its own files, and copies of its own.
DOORS = {"files.py", "databases.py", "installation.py", "project/project.py", "collect/tensors/helper.py"}


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def over(*_: object) -> None:
        raise TimeoutError(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it should be; it is found and read from end to end."""
    root = tmp_path_factory.mktemp("whole") / "p"
    project_with_everything(root)
    facts = collected(root, RUN, "sacct.txt")
    assert facts.slurm_jobs and facts.snakemake_jobs and facts.config and facts.cache and facts.metrics and facts.curves
    return root


@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_no_file_of_a_project_holds_a_diagnosis_up(whole: Path, tmp_path: Path, kind: str) -> None:
    """Each file in its turn, and all at once."""
    names = files_of(whole)
    assert len(names) > 20
    for name in [*names, "data/project.db-journal", "data/project.db-wal", *[""]]:
        root = tmp_path / "p"
        shutil.copytree(whole, root)
        for each in [name] if name else names:
            (root / each).unlink(missing_ok=True)
            if kind == "pipe":
                os.mkfifo(root / each)
            else:
                (root / each).symlink_to("/dev/zero")
        try:
            with at_most(SECONDS):
                diagnosed(root, RUN, "sacct.txt" if (root / "sacct.txt").is_file() else "off")
        except TimeoutError as error:
            raise AssertionError(name or "all") from error
        shutil.rmtree(root)


def test_what_is_no_file_is_named_in_words(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path / "pipe", "named pipe"), (Path("/dev/zero"), "device"), (tmp_path, "folder")):
        with pytest.raises(OSError, match=words):
            open_file(path)
    (tmp_path / "large").write_text("x" * 100)
    with pytest.raises(OSError, match="larger than"):
        read_text(tmp_path / "large", 99)
    assert read_text(tmp_path / "large", 100) == "x" * 100


def test_there_is_one_door_to_files() -> None:
    """Whatever reads from a project reads through files.py, which refuses what would never end."""
    opens = re.compile(r"\bopen\(|\.read_text\(|\.read_bytes\(|copyfile\(|copy2?\(|sqlite3\.connect\(")
    for path in PACKAGE.rglob("*.py"):
        if str(path.relative_to(PACKAGE)) in DOORS:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not opens.search(line) or '.open("w")' in line, f"{path.name}: {line.strip()}"
