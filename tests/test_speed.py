"""What a log costs, against looking once at each of its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from timing import ratio

from postmortem.collect.logs import scan as log_module
from postmortem.collect.logs.scan import WHOLE_BYTES, read_log
from postmortem.collect.logs.statements import statements_of

CRASH = (
    'Traceback (most recent call last):\n  File "/p/train.py", line 3, in <module>\n    main()\n'
    "ValueError: the reason\n"
)
KINDS: dict[str, Callable[[int], str]] = {
    "training": lambda i: f"2026-11-22 21:51:{i % 60:02d},000  trainer  INFO  step {i} train_loss 0.{i:06d} lr 1e-3",
    "words of secrets": lambda i: f"Graph {i} with {i % 97} nodes passed the token embedding check, key={i}",
    "bars": lambda i: f"Epoch {i // 20}: {i % 100}%|##  | {i % 20}/20 [00:01<00:02, 8.1it/s, train_loss=0.{i:04d}]",
    "errors": lambda i: f"ERROR: sample {i} failed: RuntimeError: bad",
}


# Twice what the dearest kind takes: lines that look as if they held secrets.
TO_READ, TO_DIVIDE = 35, 20
# The dearest kind takes 5 times what comparing the lines' shapes takes, whatever the machine; a look at each line that
# stands out takes 39 times.
TO_SCAN = 16


def look_at_words(path: Path) -> Callable[[], object]:
    """The least that a reader of logs does."""
    word = re.compile(r"\w+")
    return lambda: [word.findall(line) for line in path.read_text().splitlines()]


def compare_shapes(path: Path) -> Callable[[], object]:
    """The least that a scan does: tell the lines apart that differ in more than numbers."""
    return lambda: set(path.read_bytes().translate(None, b"0123456789.:,- ").split(b"\n"))


@pytest.mark.parametrize("kind", KINDS)
def test_reading_a_log_that_is_kept_whole(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "slurm.err"
    lines = "".join(f"{KINDS[kind](i)}\n" for i in range(12_000)).encode()
    path.write_bytes(lines[: WHOLE_BYTES - 1000].rpartition(b"\n")[0] + b"\n" + CRASH.encode())
    assert read_log(path, tmp_path, "stderr").whole
    assert ratio(lambda: read_log(path, tmp_path, "stderr"), look_at_words(path), TO_READ) < TO_READ


@pytest.mark.parametrize("kind", KINDS)
def test_scanning_a_large_log(kind: str, tmp_path: Path) -> None:
    """Lines that differ only in numbers are looked at a few times, however many of them stand out."""
    path = tmp_path / "slurm.err"
    path.write_text("".join(f"{KINDS[kind](i)}\n" for i in range(200_000)) + CRASH)
    log = read_log(path, tmp_path, "stderr")
    assert not log.whole and log.line_count == 200_004 and log.lines[-1].text == "ValueError: the reason"
    assert ratio(lambda: read_log(path, tmp_path, "stderr"), compare_shapes(path), TO_SCAN) < TO_SCAN


@pytest.mark.parametrize("kind", KINDS)
def test_dividing_a_log_into_statements(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "slurm.err"
    path.write_text("".join(f"{KINDS[kind](i)}\n" for i in range(10_000)) + CRASH)
    monkeypatch.setattr(log_module, "WHOLE_BYTES", 1 << 30)
    log = read_log(path, tmp_path, "stderr")
    assert len(log.lines) > 10_000 and len(statements_of(log)) > 9_000
    assert ratio(lambda: statements_of(log), look_at_words(path), TO_DIVIDE) < TO_DIVIDE
