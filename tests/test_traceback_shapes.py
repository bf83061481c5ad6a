"""Tracebacks of odd shape: without source, of Python 3.11 to 3.14, of Windows, cut off; and what is none."""

from __future__ import annotations

import pytest
from test_traceback import OTHER, PLAIN, only, parse

from postmortem.collect.logs.traceback import is_own, looks_like_exception

HEAD = 'Traceback (most recent call last):\n  File "/p/a.py", line 3, in <module>\n    f()\n'


def test_syntax_error_shows_the_file_that_is_wrong() -> None:
    raised = only("""Traceback (most recent call last):
  File "/p/train.py", line 1, in <module>
    import bad
  File "/p/bad.py", line 3
    def f(:
          ^
SyntaxError: invalid syntax""").exceptions[0]
    assert raised.type == "SyntaxError"
    assert (raised.frames[-1].file, raised.frames[-1].line, raised.frames[-1].source) == ("/p/bad.py", 3, "def f(:")


def test_syntax_error_of_the_script_itself_has_no_header() -> None:
    traceback = only('  File "/p/bad.py", line 3\n    def f(:\n          ^\nSyntaxError: invalid syntax')
    assert [(f.line, f.source) for f in traceback.exceptions[0].frames] == [(3, "def f(:")]


@pytest.mark.parametrize(
    "marks",
    [
        "    ~^^",  # 3.11
        "    ~^\n        x,\n        ^^\n    )\n    ^",  # 3.13: a call over several lines
        "    ...<2 lines>...\n    )\n    ^",
    ],
)
def test_caret_lines_are_no_source(marks: str) -> None:
    raised = only(
        f'{HEAD}{marks}\n  File "/p/a.py", line 9, in f\n    return g(a)\n           ^^^^\nTypeError: bad'
    ).exceptions[0]
    assert [f.source for f in raised.frames] == ["f()", "return g(a)"]
    assert raised.message == "bad"


def test_repeated_lines_of_a_recursion() -> None:
    frame = '  File "/p/r.py", line 3, in f\n    f()\n'
    raised = only(
        f"{HEAD}{frame}{frame}  [Previous line repeated 996 more times]\nRecursionError: too deep"
    ).exceptions[0]
    assert (raised.type, len(raised.frames)) == ("RecursionError", 3)


def test_windows_paths() -> None:
    raised = only("""Traceback (most recent call last):
  File "C:\\Users\\me\\proj\\train.py", line 3, in <module>
    import torch
  File "C:\\Python311\\Lib\\site-packages\\torch\\__init__.py", line 3, in <module>
    raise err
OSError: [WinError 126] The specified module could not be found.""").exceptions[0]
    assert [f.own for f in raised.frames] == [True, False]
    assert raised.frames[0].file.endswith("train.py")


def test_frames_without_source() -> None:
    raised = only("""Traceback (most recent call last):
  File "<string>", line 1, in <module>
  File "<frozen importlib._bootstrap>", line 1027, in _find_and_load
  File "train.py", line 3, in <module>
ModuleNotFoundError: No module named 'x\'""").exceptions[0]
    assert [(f.source, f.own) for f in raised.frames] == [("", False), ("", False), ("", True)]


@pytest.mark.parametrize(
    ("message", "after", "lines"),
    [
        ("RuntimeError: Error(s) in loading:\n\tMissing key(s): a\n\tsize mismatch for b", "srun: error: x", 3),
        ("ValidationError: 1 error for C\nlr\n  Input should be a number", "Epoch 1", 3),
        ("ValueError: bad\nnote one", "Traceback (most recent call last):", 2),
        ("ValueError: bad", "slurmstepd: error: *** JOB 1 CANCELLED ***", 1),
        ("ValueError: bad", "wandb: Synced", 1),
        ("ValueError: bad", " 45%|███ | 9/20", 1),
        ("KeyboardInterrupt", "the next program speaks", 1),
    ],
)
def test_where_a_message_ends(message: str, after: str, lines: int) -> None:
    raised = parse(f"{HEAD}{message}\n{after}")[0].exceptions[0]
    assert raised.last_line - raised.line + 1 == lines
    assert after not in raised.message


def test_cut_off_at_the_beginning() -> None:
    lines = PLAIN.split("\n")
    traceback = only("\n".join(lines[2:]))
    assert [f.line for f in traceback.exceptions[0].frames] == [5]
    assert traceback.exceptions[0].type == "ZeroDivisionError"


@pytest.mark.parametrize(
    "after", ["", "slurmstepd: error: *** JOB 5 CANCELLED ***", "Killed", "bash: line 3: 17 Killed"]
)
def test_cut_off_mid_way(after: str) -> None:
    traceback = only("\n".join([*PLAIN.split("\n")[:4], after]))
    assert traceback.cut_off
    assert (traceback.exceptions[0].type, len(traceback.exceptions[0].frames)) == ("", 2)


def test_a_type_with_an_odd_name_needs_frames() -> None:
    assert only(f"{HEAD}proj.errors.MyProblem: odd").exceptions[0].type == "proj.errors.MyProblem"
    assert parse("MyProblem: odd\nproj.errors.MyProblem: odd") == []


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last):",
        "see the Traceback (most recent call last): above",
        'Use File "x.py", line 3 of the manual',
        "Current thread 0x00007f (most recent call first):\n  File /p/a.py line 3 in f",
        "",
    ],
)
def test_no_traceback(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize(
    "text",
    ["ValueError: x", "KeyboardInterrupt", "torch.OutOfMemoryError: CUDA", "a.b.MyException", "ExceptionGroup: two"],
)
def test_looks_like_an_exception(text: str) -> None:
    assert looks_like_exception(text)


@pytest.mark.parametrize(
    "text", ["Error in rule x:", "no ValueError here", "errors: 3", "Epoch: 3", "slurmstepd: error: x", ""]
)
def test_does_not_look_like_an_exception(text: str) -> None:
    assert not looks_like_exception(text)


def test_own_code_and_libraries() -> None:
    own = ["train.py", "/home/u/proj/src/a.py", "/scratch/miniconda3/envs/x/code/train.py", "/p/lib/a.py"]
    libraries = ["/v/lib/python3.11/json/x.py", "/v/site-packages/torch/a.py", "<string>", "C:\\Python\\Lib\\json.py"]
    assert [file for file in own if not is_own(file)] == []
    assert [file for file in libraries if is_own(file)] == []


def test_last_line_of_each_is_where_it_ends() -> None:
    assert [(t.first_line, t.last_line) for t in parse(f"x\n{PLAIN}\n\n{OTHER}")] == [(2, 8), (10, 13)]


def test_without_its_header_an_indented_one_still_ends_in_its_exception() -> None:
    traceback = only("""        step(batch)
      File "/p/train.py", line 37, in step
        loss.backward()
      File "/usr/lib/python3/dist-packages/torch/_tensor.py", line 396, in backward
        torch.autograd.backward(self)
    KeyboardInterrupt""")
    assert traceback.exceptions[0].type == "KeyboardInterrupt"
    assert traceback.first_line == 2


def test_keras_puts_a_traceback_of_the_users_code_into_the_message() -> None:
    raised = only("""Traceback (most recent call last):
  File "/p/train.py", line 9, in <module>
    model.fit(data)
  File "/tmp/__autograph_generated_file_x1.py", line 15, in tf__train_function
    retval_ = ag__.converted_call(step)
AttributeError: in user code:

    File "/e/lib/python3.10/site-packages/keras/engine/training.py", line 1249, in train_function  *
        return step_function(self, iterator)

    AttributeError: Exception encountered when calling layer 'net' (type Net).

    in user code:

        File "/p/models.py", line 24, in call  *
            x = self.conv2(x)

        AttributeError: 'Net' object has no attribute 'conv2'


    Call arguments received by layer 'net' (type Net):
""").exceptions[0]
    assert raised.message == "'Net' object has no attribute 'conv2'" and raised.line == 18
    own = [(frame.file, frame.line, frame.source) for frame in raised.frames if frame.own]
    assert own == [("/p/train.py", 9, "model.fit(data)"), ("/p/models.py", 24, "x = self.conv2(x)")]
