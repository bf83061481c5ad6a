"""What a log says and what it only quotes: kinds of statements, echoes that are none, exceptions that were survived."""

from __future__ import annotations

import pytest

from postmortem.collect.logs.statements import Statement, statements_of
from postmortem.collect.logs.traceback import parse_tracebacks
from postmortem.facts import Line, Log, Source

TRACEBACK = """Traceback (most recent call last):
  File "/p/train.py", line 3, in main
    raise RuntimeError("CUDA out of memory, they say")
RuntimeError: the true reason"""


def said(text: str) -> list[Statement]:
    lines = [Line(number, line) for number, line in enumerate(text.split("\n"), 1)]
    return statements_of(Log(Source("slurm.err"), "stderr", lines=lines, tracebacks=parse_tracebacks(lines)))


def texts(text: str) -> list[str]:
    return [statement.text for statement in said(text)]


def test_an_exception_that_python_ignored_ends_nothing() -> None:
    ignored = "Exception ignored in: <finalize object at 0x7f; dead>\n" + TRACEBACK.replace("the true reason", "late")
    assert [(s.text, s.teardown) for s in said(f"{TRACEBACK}\n{ignored}") if s.kind == "exception"] == [
        ("RuntimeError: the true reason", False),
        ("RuntimeError: late", True),
    ]


def test_what_stands_in_a_panel_below_the_usage_is_said() -> None:
    panel = "╭─ Error ─────────────────────╮\n│ Invalid value for '--lr': -1 │\n╰────────────────╯"
    assert "Invalid value for '--lr': -1" in texts(f"  Usage: train.py [OPTIONS]\n\n  Try --help.\n{panel}")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ValueError: bad", "exception"),
        ("torch.OutOfMemoryError: CUDA out of memory.", "exception"),
        ("error: something", "error"),
        ("2024-01-01 10:00:00,123 ERROR it broke", "error"),
        ("CRITICAL:root:it broke", "error"),
        ("/x/a.py:3: UserWarning: old", "warning"),
        ("2024-01-01 10:00:00 WARNING old", "warning"),
        ("[rank0]:[W1122 10:00:00.1 x.cpp:3] old", "warning"),
        ("2024-01-01 10:00:00 INFO data loaded", "info"),
        ("node1:12:34 [0] NCCL INFO error in nothing", "info"),
        (" 45%|████▌   | 9/20 [00:01<00:02, loss=0.3]", "progress"),
        ("Epoch 3: loss 0.2", "progress"),
        ("{'loss': 0.3, 'epoch': 1.0}", "progress"),
        ("2024-01-01 10:00:00 INFO epoch 3 loss 0.2", "progress"),
        ("Killed", "line"),
        ("slurmstepd: error: Detected 1 oom-kill event", "error"),
        ("the loss of ValueError", "line"),
        ("epochs of history", "line"),
    ],
)
def test_kinds(line: str, kind: str) -> None:
    (statement,) = said(line)
    assert statement.kind == kind


def test_an_exception_is_one_statement_and_its_traceback_none() -> None:
    (statement,) = said(TRACEBACK + "\n  of two lines")
    assert statement.text == "RuntimeError: the true reason\n  of two lines"
    assert (statement.kind, statement.line, statement.last_line) == ("exception", 4, 5)
    assert statement.exception is not None
    assert statement.position.traceback == 0


RANKS = "\n".join(f"[rank{rank}]: {line}" for line in TRACEBACK.split("\n") for rank in (0, 1))


@pytest.mark.parametrize(
    "text",
    [
        RANKS,
        TRACEBACK.replace("\n", "\n\n"),
        TRACEBACK.replace("    raise", " 10%|# | 1/10 [00:01<00:02]\n    raise"),
        TRACEBACK.replace('("CUDA out of memory, they say")', '(\n        "CUDA out of memory"\n    )'),
        "\n".join(f"2024-01-01 10:00:00 ERROR {line}" for line in TRACEBACK.split("\n")),
    ],
    ids=["ranks", "double spaced", "progress between", "call over lines", "time stamps"],
)
def test_source_lines_are_no_statements_wherever_they_stand(text: str) -> None:
    assert {s.text for s in said(text) if s.kind != "progress"} == {"RuntimeError: the true reason"}


def test_the_exceptions_of_a_chain_in_order() -> None:
    link = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    chained = [s for s in said(TRACEBACK + link + TRACEBACK.replace("Runtime", "Value")) if s.kind == "exception"]
    assert [(s.depth, s.text.split(":")[0]) for s in chained] == [(0, "RuntimeError"), (1, "ValueError")]


@pytest.mark.parametrize(
    "echo",
    [
        "+ python train.py --on-error=RuntimeError",
        "Shell command: cat error.log",
        "$ python train.py",
        "(env) user@node:~$ python train.py",
        "Running: python train.py",
        "postmortem: RuntimeError: found before",
        "# Diagnosis of d/r: RuntimeError",
        "CUDA kernel errors might be asynchronously reported at some other API call",
        "For debugging consider passing CUDA_LAUNCH_BLOCKING=1.",
        "    shell:\n        python train.py; echo RuntimeError: x",
        "usage: train.py [-h]\n  --error ERROR  what to do on RuntimeError",
        "lr: 0.1\nseed: 1\nname: x\non_odd_value: stop\nbatch: 3\nworkers: 2\nepochs: 9",
        "",
        "   ",
    ],
)  # fmt: skip
def test_echoes_advice_and_dumps_are_no_statements(echo: str) -> None:
    assert [text for text in texts(echo) if not text.startswith("For debugging")] == []


@pytest.mark.parametrize(
    "line",
    [
        "+1 error",
        "100$ were spent",
        "train.py: error: unrecognized arguments: --x",
        "lr: 0.1\nRuntimeError: x",
        "Diagnosis of the error",
    ],
)
def test_look_alikes_of_echoes_are_statements(line: str) -> None:
    assert texts(line)[-1] == line.split("\n")[-1]


def test_the_error_below_a_help_text_is_a_statement() -> None:
    assert texts("usage: train.py [-h]\n                [--lr LR]\ntrain.py: error: argument --lr: invalid float") == [
        "train.py: error: argument --lr: invalid float"
    ]


def test_what_a_dying_job_writes_behind_its_progress_bar() -> None:
    bar, last = said(" 45%|████▌   | 9/20 [00:01<00:02, 5.3it/s]slurmstepd: error: *** CANCELLED ***")
    assert (bar.kind, last.text) == ("progress", "slurmstepd: error: *** CANCELLED ***")


def test_ranks_are_kept() -> None:
    assert [s.rank for s in said("[rank1]: ValueError: x\nValueError: x")] == [1, None]


WORK = "\n".join(f"epoch {i} loss 0.{i}" for i in range(5))


@pytest.mark.parametrize(
    ("text", "handled"),
    [
        (f"{TRACEBACK}\n{WORK}", True),
        (f"{WORK}\n{TRACEBACK}", False),
        (f"ValueError: x\nretrying\n{WORK}", True),
        (f"[rank0]: ValueError: x\n{WORK}".replace("epoch", "[rank1]: epoch"), False),
        (f"{TRACEBACK}\nepoch 9 closing the log", False),
        (f"{TRACEBACK}\n2024-01-01 10:00:00 INFO shutting down", False),
    ],
)
def test_exceptions_after_which_work_went_on(text: str, handled: bool) -> None:
    (found,) = [s for s in said(text) if s.kind == "exception"]
    assert found.handled is handled


def test_what_a_logger_tells_of_is_survived() -> None:
    told = "2024-01-01 10:00:00 INFO Retry attempt failed:\n" + TRACEBACK
    assert [s.handled for s in said(told) if s.exception] == [True]
    assert [s.handled for s in said("2024-01-01 10:00:00 INFO training starts\n" + TRACEBACK) if s.exception] == [False]
