"""What a log costs: CPU seconds, with room for a machine half as fast as the one the figures were taken on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

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


def least_time(work: Callable[[], object]) -> float:
    """CPU seconds of the quickest of three: others on the machine can only make it slower."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_that_is_kept_whole_is_read_in_a_tenth_of_a_second(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "slurm.err"
    lines = "".join(f"{KINDS[kind](i)}\n" for i in range(12_000)).encode()
    path.write_bytes(lines[: WHOLE_BYTES - 1000].rpartition(b"\n")[0] + b"\n" + CRASH.encode())
    assert read_log(path, tmp_path, "stderr").whole
    assert least_time(lambda: read_log(path, tmp_path, "stderr")) < 0.2, "it is 0.1 s at most"


@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_lines_are_statements_in_a_third_of_a_second(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slurm.err"
    path.write_text("".join(f"{KINDS[kind](i)}\n" for i in range(10_000)) + CRASH)
    monkeypatch.setattr(log_module, "WHOLE_BYTES", 1 << 30)
    log = read_log(path, tmp_path, "stderr")
    assert len(log.lines) > 10_000 and len(statements_of(log)) > 9_000
    assert least_time(lambda: statements_of(log)) < 0.3, "it is 0.12 s at most"
