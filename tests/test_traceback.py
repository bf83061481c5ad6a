"""Tracebacks as logs hold them: with prefixes, in chains and groups, of children, cut off, in the midst of others."""

from __future__ import annotations

import pytest

from postmortem.collect.logs.traceback import MAX_FRAMES, MAX_TRACEBACKS, parse_tracebacks
from postmortem.facts import Line, Traceback

PLAIN = """Traceback (most recent call last):
  File "/home/u/proj/train.py", line 10, in <module>
    main()
  File "/home/u/proj/train.py", line 5, in main
    x = 1 / 0
        ~~^~~
ZeroDivisionError: division by zero"""
AGAIN = """

During handling of the above exception, another exception occurred:

"""
BECAUSE = """

The above exception was the direct cause of the following exception:

"""
OTHER = """Traceback (most recent call last):
  File "/home/u/proj/a.py", line 3, in f
    raise ValueError("x")
ValueError: x"""


def parse(text: str) -> list[Traceback]:
    return parse_tracebacks([Line(number, line) for number, line in enumerate(text.split("\n"), 1)])


def only(text: str) -> Traceback:
    found = parse(text)
    assert len(found) == 1, found
    return found[0]


def assert_plain(traceback: Traceback) -> None:
    (raised,) = traceback.exceptions
    assert (raised.type, raised.message) == ("ZeroDivisionError", "division by zero")
    assert [(f.line, f.function, f.source) for f in raised.frames] == [
        (10, "<module>", "main()"),
        (5, "main", "x = 1 / 0"),
    ]
    assert not traceback.cut_off


def prefixed(prefix: str, text: str = PLAIN) -> str:
    return "\n".join(prefix + line for line in text.split("\n"))


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "[rank3]: ",
        "[default0]:",
        "0: ",
        "(RayWorker pid=123) ",
        "wandb: ",
        "2024-01-01 10:00:00,123 ERROR ",
        "2024-01-01T10:00:00.123Z ",
        "[2024-01-01 10:00:00,123][trainer][ERROR] - ",
        "2024-01-01 10:00:00.123 | ERROR    | ",
        "E1122 10:00:00.000 12 torch/x.py:3] ",
        "Jan 01 10:00:00 node1 python[123]: ",
        "[rank3]: 2024-01-01 10:00:00,123 ERROR ",
        "    | ",
        "  ",
    ],
)
def test_a_prefix_on_every_line(prefix: str) -> None:
    traceback = only(prefixed(prefix))
    assert_plain(traceback)
    assert (traceback.first_line, traceback.last_line) == (1, 7)
    assert traceback.rank == (
        3 if "rank3" in prefix else 0 if prefix[:1] in "0[" and "2024" not in prefix and prefix else None
    )


@pytest.mark.parametrize(
    "prefix",
    [
        "2024-01-01 10:00:00,123 ERROR ",
        "Epoch 3:  45%|████▌   | 9/20 [00:01<00:02,  5.3it/s, loss=0.3]",
        "Error in worker: ",
        "ValueError: the last line had no end",
    ],
)
def test_a_prefix_on_the_header_only(prefix: str) -> None:
    found = parse(prefix + PLAIN)
    assert_plain(found[-1])


def test_the_clock_ticks_between_the_lines() -> None:
    lines = PLAIN.split("\n")
    assert_plain(only("\n".join(f"2024-01-01 10:00:{i:02},9{i:02} ERROR {line}" for i, line in enumerate(lines))))


def test_chain_in_order_with_its_reasons() -> None:
    traceback = only(PLAIN + AGAIN + OTHER + BECAUSE + OTHER.replace("ValueError", "RuntimeError") + "\nsrun: error: x")
    assert [(e.type, e.leads_to) for e in traceback.exceptions] == [
        ("ZeroDivisionError", "context"), ("ValueError", "cause"), ("RuntimeError", ""),
    ]  # fmt: skip
    assert [e.line for e in traceback.exceptions] == [7, 14, 21]


def test_two_tracebacks_without_a_link_are_no_chain() -> None:
    assert [len(t.exceptions) for t in parse(PLAIN + "\n\n" + OTHER)] == [1, 1]


@pytest.mark.parametrize("prefix", ["[rank1]: ", "2024-01-01 10:00:00,123 ERROR "])
def test_chain_with_a_prefix(prefix: str) -> None:
    assert len(only(prefixed(prefix, PLAIN + AGAIN + OTHER)).exceptions) == 2


def test_interleaved_ranks_are_told_apart() -> None:
    first, second = prefixed("[rank0]: "), prefixed("[rank1]: ", PLAIN.replace("zero", "nought"))
    pairs = zip(first.split("\n"), second.split("\n"), strict=True)
    found = parse("\n".join(line for pair in pairs for line in pair))
    assert [(t.rank, t.exceptions[0].message) for t in found] == [(0, "division by zero"), (1, "division by nought")]
    assert_plain(found[0])


def test_other_output_between_the_frames() -> None:
    assert_plain(only(PLAIN.replace("    main()\n", "    main()\n 10%|#    | 1/10 [00:01<00:02]\n")))


@pytest.mark.parametrize("before", ["    x = 1 / 0\n", "ZeroDivisionError"])
def test_a_progress_bar_before_the_end(before: str) -> None:
    assert_plain(only(PLAIN.replace(before, f" 10%|#    | 1/10 [00:01<00:02]\n{before}")))


def test_every_other_line_is_empty() -> None:
    assert_plain(only(PLAIN.replace("\n", "\n\n")))


def test_exception_group_and_its_members() -> None:
    found = parse("""  + Exception Group Traceback (most recent call last):
  |   File "/p/g.py", line 9, in main
  |     raise ExceptionGroup("two", es)
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/p/g.py", line 5, in main
    |     int("x")
    | ValueError: invalid literal for int() with base 10: 'x'
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/p/g.py", line 6, in main
    |     {}["k"]
    | KeyError: 'k'
    +------------------------------------""")
    assert [(t.exceptions[0].type, t.exceptions[0].message, t.exceptions[0].line) for t in found] == [
        ("ExceptionGroup", "two (2 sub-exceptions)", 4),
        ("ValueError", "invalid literal for int() with base 10: 'x'", 9),
        ("KeyError", "'k'", 14),
    ]
    assert all(not t.cut_off and t.exceptions[0].frames for t in found)


def test_of_a_data_loader_worker() -> None:
    reraised, original = parse("""Traceback (most recent call last):
  File "/p/train.py", line 9, in <module>
    for b in loader:
  File "/usr/lib/python3/site-packages/torch/_utils.py", line 694, in reraise
    raise exception
KeyError: Caught KeyError in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "/p/data.py", line 7, in __getitem__
    return self.d["x"]
           ~~~~~~^^^^^
KeyError: 'x'
""")
    assert reraised.exceptions[0].message == "Caught KeyError in DataLoader worker process 0."
    assert (original.exceptions[0].message, original.nested) == ("'x'", True)
    assert [f.own for f in reraised.exceptions[0].frames] == [True, False]


def test_of_a_pool_worker_between_quotes() -> None:
    quotes = '"""'
    traceback = only(f"multiprocessing.pool.RemoteTraceback: \n{quotes}\n{PLAIN}\n{quotes}{BECAUSE}{OTHER}")
    assert [(e.type, e.message, e.leads_to) for e in traceback.exceptions] == [
        ("ZeroDivisionError", "division by zero", "cause"), ("ValueError", "x", ""),
    ]  # fmt: skip


def test_nested_in_a_message() -> None:
    outer, inner = parse(OTHER.replace("ValueError: x", "ValueError: child failed") + "\n" + prefixed("  ", PLAIN))
    assert (outer.nested, inner.nested) == (False, True)
    assert_plain(inner)


def test_the_first_and_the_last_of_many_are_kept() -> None:
    found = parse("\n".join(OTHER.replace("ValueError: x", f"ValueError: number {i}") for i in range(500)))
    assert len(found) == MAX_TRACEBACKS
    assert (found[0].exceptions[0].message, found[-1].exceptions[0].message) == ("number 0", "number 499")


def test_the_outer_and_the_inner_of_many_frames_are_kept() -> None:
    frames = "\n".join(f'  File "/p/r.py", line {i}, in f\n    g{i}()' for i in range(1, 1001))
    kept = only(f"Traceback (most recent call last):\n{frames}\nRecursionError: too deep").exceptions[0].frames
    assert (len(kept), kept[0].line, kept[-1].line, kept[-1].source) == (MAX_FRAMES, 1, 1000, "g1000()")
