"""Tracebacks that rich draws as boxes and IPython with arrows: frames, sources, messages, chains; and what is none."""

from __future__ import annotations

from postmortem.collect.logs.traceback_drawn import all_tracebacks
from postmortem.facts import Line, Traceback

BOX = """\
╭──────────────────── Traceback (most recent call last) ────────────────────╮
│ /home/me/proj/train.py:88 in <module>                                     │
│                                                                           │
│   87 if __name__ == "__main__":                                           │
│ ❱ 88 │   main()                                                           │
│                                                                           │
│ /home/me/proj/a/rather/long/path/of/a/module/that/does/not/fit/in/the/box │
│ /data.py:31 in load                                                       │
│                                                                           │
│ ❱ 31 │   │   return item["mask"]                                          │
│                                                                           │
│ ╭───── locals ─────╮                                                      │
│ │ item = {'a': 1}  │                                                      │
│ ╰──────────────────╯                                                      │
│ /opt/env/lib/python3.10/site-packages/lib/core.py:817                     │
│ in get_value                                                              │
│                                                                           │
│ ❱ 817 │   │   raise KeyError(key)                                         │
╰───────────────────────────────────────────────────────────────────────────╯
KeyError: 'mask'"""

NOTEBOOK = """\
---------------------------------------------------------------------------
ValueError                                Traceback (most recent call last)
Cell In[31], line 11
     10 c = 0.1
---> 11 fit(c)

<ipython-input-29-d585ad025d93> in fit(c)
    294
--> 295     h = join(a, b)

File ~/env/lib/python3.10/site-packages/pandas/core/reshape/merge.py:1013, in _coerce(self)
   1012 if x:
-> 1013     raise ValueError(msg)

ValueError: cannot join
these two"""


def parse(text: str) -> list[Traceback]:
    return all_tracebacks([Line(number, line) for number, line in enumerate(text.split("\n"), 1)])


def test_box_of_rich() -> None:
    (traceback,) = parse(f"epoch 1\n{BOX}\nbye")
    raised = traceback.exceptions[0]
    assert (raised.type, raised.message, raised.line) == ("KeyError", "'mask'", 21)
    assert [(f.line, f.function, f.own) for f in raised.frames] == [
        (88, "<module>", True),
        (31, "load", True),
        (817, "get_value", False),
    ]
    assert raised.frames[1].file.endswith("box/data.py")
    assert [f.source for f in raised.frames] == ["main()", 'return item["mask"]', "raise KeyError(key)"]
    assert (traceback.first_line, traceback.last_line) == (2, 21)


def test_box_behind_a_rank() -> None:
    (traceback,) = parse("\n".join(f"[rank1]: {line}" for line in BOX.split("\n")))
    assert traceback.rank == 1
    assert traceback.exceptions[0].message == "'mask'"


def test_message_broken_by_the_width_of_the_box() -> None:
    long = "ValueError: the number of columns of the table is not that of the model"
    (traceback,) = parse(f"{BOX.rsplit(chr(10), 1)[0]}\n{long}\nwhich was trained on another one.\n\nbye")
    assert traceback.exceptions[0].message.endswith("of the model which was trained on another one.")


def test_chain_of_boxes() -> None:
    middle = "During handling of the above exception, another exception occurred:"
    (traceback,) = parse(f"{BOX}\n\n{middle}\n\n{BOX.replace('KeyError:', 'ValueError:')}")
    assert [(e.type, e.leads_to) for e in traceback.exceptions] == [("KeyError", "context"), ("ValueError", "")]


def test_box_that_is_cut_off() -> None:
    assert parse("\n".join(BOX.split("\n")[:6])) == []
    (traceback,) = parse(BOX.rsplit("\n", 1)[0])
    assert traceback.cut_off


def test_notebook() -> None:
    (traceback,) = parse(f"{NOTEBOOK}\n\nbye")
    raised = traceback.exceptions[0]
    assert (raised.type, raised.message) == ("ValueError", "cannot join")
    assert [(f.line, f.own) for f in raised.frames] == [(11, True), (295, True), (1013, False)]
    assert raised.frames[1].source == "h = join(a, b)"


def test_printed_ones_stay_what_they_are() -> None:
    plain = 'Traceback (most recent call last):\n  File "/p/a.py", line 3, in f\n    g()\nTypeError: bad'
    assert [t.exceptions[0].type for t in parse(f"{plain}\n{BOX}\n\n{plain}")] == ["TypeError", "KeyError", "TypeError"]


def test_header_without_a_traceback() -> None:
    assert parse("ValueError      Traceback (most recent call last)\nnothing else\n") == []
    assert parse("\n".join(["ValueError      Traceback (most recent call last)"] * 500)) == []
