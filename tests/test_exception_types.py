"""What an exception that no entry knows says by its type, its frames and its message."""

from __future__ import annotations

import pytest

from postmortem.analyze.exceptions.classify import classify, last_own_frame, raised_on_purpose
from postmortem.collect.logs.statements import EXCEPTION, Statement
from postmortem.facts import Frame, Log, RaisedException, Source

OWN = Frame("/p/train.py", 7, "main", "x = f(y)", 2, True)
RAISES = Frame("/p/train.py", 9, "check", "raise ValueError(message)", 4, True)
LIBRARY = Frame("/v/site-packages/pkg/a.py", 3, "g", "raise err", 6, False)


def raised(type: str, message: str = "it is so", *frames: Frame) -> Statement:
    exception = RaisedException(type, message, list(frames), 8, 8)
    return Statement(f"{type}: {message}", EXCEPTION, Log(Source("slurm.err"), "stderr"), 8, 8, exception=exception)


def cause(statement: Statement) -> str:
    finding = classify(statement)
    return finding.id if finding else "none"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (raised("ModuleNotFoundError", "No module named 'x'", OWN), "code.import"),
        (raised("SyntaxError", "invalid syntax", OWN), "code.syntax"),
        (raised("KeyError", "'x'", OWN), "code.bug"),
        (raised("PermissionError", "[Errno 13] Permission denied: '/x'", OWN), "io.permission"),
        (raised("OSError", "[Errno 28] No space left on device", OWN), "host.disk_full"),
        (raised("OSError", "[Errno 116] Stale file handle", LIBRARY), "io.stale_filesystem"),
        (raised("FileNotFoundError", "[Errno 2] No such file or directory: '/d/train.csv'", OWN), "data.missing"),
        (
            raised("FileNotFoundError", "[Errno 2] No such file or directory: '/d/best_model.pt'", OWN),
            "model.checkpoint_missing",
        ),
        (raised("MemoryError", "", OWN), "host.oom"),
        (raised("sqlite3.OperationalError", "database is locked", OWN), "tracking.database"),
        (raised("ValueError", "loss is nan at step 3", OWN, RAISES), "training.nan_loss"),
        (raised("ValueError", "batch_size must be positive", OWN, RAISES), "config.invalid"),
        (raised("ValueError", "not enough values to unpack", OWN), "code.bug"),
        (raised("pydantic.ValidationError", "1 error", OWN), "config.invalid"),
    ],
    ids=lambda value: value.text[:40] if isinstance(value, Statement) else value,
)
def test_causes(statement: Statement, expected: str) -> None:
    assert cause(statement) == expected


@pytest.mark.parametrize(
    ("statement", "not_expected"),
    [
        (raised("ValueError", "the financial report", OWN, RAISES), "training.nan_loss"),
        (raised("OSError", "[Errno 2800] x", OWN), "host.disk_full"),
        (raised("KeyError", "'x'", LIBRARY), "io.permission"),
        (raised("MyModuleNotFoundErrorHandler", "x"), "code.import"),
    ],
    ids=lambda value: value.text[:40] if isinstance(value, Statement) else value,
)
def test_look_alikes(statement: Statement, not_expected: str) -> None:
    assert cause(statement) != not_expected


def test_wrappers_are_no_causes() -> None:
    for name in (
        "subprocess.CalledProcessError",
        "torch.distributed.elastic.ChildFailedError",
        "ExceptionGroup",
        "SystemExit",
    ):
        finding = classify(raised(name, "x", OWN))
        assert finding is None or finding.role == "wrapper"


def test_a_bare_line_is_less_sure_than_a_traceback() -> None:
    bare = Statement("KeyError: 'x'", EXCEPTION, Log(Source("slurm.err"), "stderr"), 8, 8)
    with_frames, without = classify(raised("KeyError", "'x'", OWN)), classify(bare)
    assert with_frames
    assert without is None or without.confidence < with_frames.confidence


def test_words_name_the_place_and_the_message() -> None:
    finding = classify(raised("KeyError", "'lr'", OWN, LIBRARY))
    assert finding
    for part in ("/p/train.py", "7", "main", "'lr'"):
        assert part in finding.root_cause


def test_frames() -> None:
    exception = RaisedException("ValueError", "x", [OWN, RAISES, LIBRARY])
    assert last_own_frame(exception) is RAISES
    assert not raised_on_purpose(exception)
    assert raised_on_purpose(RaisedException("ValueError", "x", [OWN, RAISES]))
    assert not raised_on_purpose(RaisedException("ValueError", "", [OWN, RAISES]))
    assert last_own_frame(RaisedException("ValueError", "x", [LIBRARY])) is None


def test_a_worker_exception_is_told_by_its_own_traceback() -> None:
    caught = classify(raised("KeyError", "Caught KeyError in DataLoader worker process 0.", OWN))
    own = classify(raised("KeyError", "'label'", OWN))
    assert caught and own
    assert (caught.role, own.role) == ("symptom", "generic")
    assert caught.confidence < own.confidence


def test_the_message_of_a_bare_assertion_says_what_it_is_about() -> None:
    assert cause(raised("AssertionError", "label 7 exceeds the 5 classes")) == "data.label_out_of_range"
    assert cause(raised("AssertionError", "")) == "code.bug"
