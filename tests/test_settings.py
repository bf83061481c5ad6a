"""A setting and its value as the run had it: its configuration first, then what its log prints."""

from __future__ import annotations

import pytest

from postmortem.analyze.remedies.settings import BATCH_SIZE, LEARNING_RATE, Setting, setting
from postmortem.facts import Config, ConfigKey, Line, Log, RunFacts, Source


def logged(*lines: str) -> RunFacts:
    log = Log(Source("slurm.err"), "stderr", lines=[Line(n, text) for n, text in enumerate(lines, 1)])
    return RunFacts(run="d/r", directory="d/r", logs=[log])


@pytest.mark.parametrize(
    "line",
    [
        "Namespace(batch_size=48, lr=0.002, workers=2)",
        '{"batch_size": 48, "lr": 0.002}',
        "python train.py --batch_size 48 --lr 2e-3",
        "lr: 0.002",
    ],
)
def test_what_a_log_prints(line: str) -> None:
    assert setting(logged(line), LEARNING_RATE) == Setting("lr", 0.002)


@pytest.mark.parametrize(
    "lines",
    [
        ("min_lr=0.002", "lr_decay: 0.1", "lr=auto", "lr=1.0.0"),
        ("no setting",),
    ],
)
def test_nothing_is_guessed(lines: tuple[str, ...]) -> None:
    assert not setting(logged(*lines), LEARNING_RATE)


def test_of_a_schedule_the_largest_is_near_what_was_set() -> None:
    assert setting(logged("epoch 1 lr: 0.001", "epoch 2 lr: 0.002", "epoch 3 lr: 0.0005"), LEARNING_RATE).value == 0.002
    assert not setting(logged("batch_size=8", "batch_size=64"), BATCH_SIZE)


def test_the_configuration_comes_first() -> None:
    facts = logged("batch_size=48")
    facts.config = Config(Source("config.json"), {"batch_size": ConfigKey(64, 3, '"batch_size": 64')})
    assert setting(facts, BATCH_SIZE) == Setting("batch_size", 64)


def test_a_part_of_it() -> None:
    assert [Setting("lr", value).times(0.1) for value in (0.002, 3e-5, 1e15)] == [0.0002, 3e-6, 100000000000000]
    assert Setting("epochs", 5).times(0.1) == 1
