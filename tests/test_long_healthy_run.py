"""A healthy training of an hour and more (Lightning, DDP over gloo, warnings, retries and all) says nothing to us.

The log was really written by tests/provoke/programs/long_training.py; it is kept compressed. Only its last seconds
tell of something: the trainer's own time limit, by which that program ends, cuts a training short and is reported.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from replay import bundled_catalogue, diagnosed, facts_of

from postmortem.collect.logs.statements import statements_of

STORED = Path(__file__).parent / "provoked_long"
STOP = "Time limit reached. Elapsed time is 1:15:00. Signaling Trainer to stop."


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for stream in ("slurm.err", "slurm.out"):
        (tmp_path / stream).write_bytes(lzma.decompress((STORED / f"{stream}.xz").read_bytes()))
    return tmp_path


def test_nothing_but_its_stop_is_a_hit(run: Path) -> None:
    logs = facts_of(run, "unknown").logs
    assert sum(log.line_count for log in logs) > 5_000
    hits = [hit for log in logs for hit in bundled_catalogue().search(statements_of(log))]
    assert [hit.statement.text for hit in hits] == [STOP]


def test_it_is_called_healthy_up_to_its_stop(run: Path) -> None:
    log = run / "slurm.err"
    log.write_text(log.read_text().split(STOP)[0])
    assert diagnosed(facts_of(run, "unknown"))["status"] == "ok"


def test_one_fatal_line_at_its_end_is_found(run: Path) -> None:
    with (run / "slurm.err").open("a") as stream:
        stream.write("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 is full\n")
    diagnosis = diagnosed(facts_of(run, "failed"))
    assert diagnosis["root_cause"]["id"] == "gpu.oom"
