"""Tracebacks whose lines were broken on their way into the log."""

from __future__ import annotations

from pathlib import Path

from postmortem.collect.logs.scan import read_log
from postmortem.collect.logs.wrapped import joined
from postmortem.facts import Line, RaisedException

CONSOLE = r"""Time budget: 300s
Traceback (most recent call last):
  File "D:\work\train.py", line 559, in <module>
    loss = model(x, y)
  File "D:\envs\lab\lib\site-packages\torch\_dynamo\eval_f
rame.py", line 465, in __call__
    return super().__call__(*args, **kwargs)
  File "D:\envs\lab\lib\site-packages\torch\_inductor\sche
duler.py", line 5433, in create_backend
    raise TritonMissing(inspect.currentframe())
torch._inductor.exc.TritonMissing: Cannot find a working t
riton installation. Either the package is not installed or
 it is too old.
"""
LABELLED = """0: Traceback (most recent call last):
0:   File "/p/train.py", line 85, in epoch
0:     for batch in loader:
0:   F
0: ile "/p/lib/python3.10/site-packages/web/pipeline.py", line 70, in iterator
0:     yield from self.iterator1()
0:   File "/p/shared
0: /data.py", line 247, in __iter__
0:     assert self.block is not None, "no block"
0: AssertionError
0: : no block
"""


def raised_in(text: str, folder: Path) -> RaisedException:
    (folder / "slurm.err").write_text(text, encoding="utf-8")
    (traceback,) = read_log(folder / "slurm.err", folder, "stderr").tracebacks
    (raised,) = traceback.exceptions
    return raised


def test_a_console_of_fixed_width(tmp_path: Path) -> None:
    raised = raised_in(CONSOLE, tmp_path)
    assert [(frame.file.rsplit("\\", 1)[-1], frame.line) for frame in raised.frames] == [
        ("train.py", 559),
        ("eval_frame.py", 465),
        ("scheduler.py", 5433),
    ]
    assert raised.message.startswith("Cannot find a working triton installation. Either the package is not installed")
    assert raised.line == 11


def test_lines_that_a_launcher_broke_where_its_buffer_ended(tmp_path: Path) -> None:
    raised = raised_in(LABELLED, tmp_path)
    assert [(frame.file, frame.line) for frame in raised.frames] == [
        ("/p/train.py", 85),
        ("/p/lib/python3.10/site-packages/web/pipeline.py", 70),
        ("/p/shared/data.py", 247),
    ]
    assert (raised.type, raised.message) == ("AssertionError", "no block")


def test_whole_lines_stay_as_they_are() -> None:
    texts = [
        ["Traceback (most recent call last):", '  File "/p/a.py", line 3, in f', "    g()", "ValueError: bad"],
        ["0: AssertionError", "1: : of another rank"],
        ["ValueError", ": no label before it"],
        ['  File "/p/cut off', "Epoch 3"],
    ]
    for text in texts:
        lines = [Line(number, line) for number, line in enumerate(text, 1)]
        assert joined(lines) == lines
