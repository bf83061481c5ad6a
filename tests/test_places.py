"""Where in the project's code a line came to light that is no exception."""

from __future__ import annotations

from pathlib import Path

from replay import diagnose_text

KERNEL = (
    "/pytorch/aten/src/ATen/native/cuda/IndexKernel.cu:92: operator(): block: [0,0,0], thread: [1,0,0] Assertion "
    '`-sizes[i] <= index && index < sizes[i] && "index out of bounds"` failed.\n'
)
SURFACED = """Traceback (most recent call last):
  File "/p/quantise.py", line 505, in gather
    rows = table[codes]
RuntimeError: CUDA error: device-side assert triggered
"""
CRASH = """Fatal Python error: Segmentation fault

Thread 0x00007fda187fc700 (most recent call first):
  File "/p/feed.py", line 9 in wait

Current thread 0x00007fdb9066a180 (most recent call first):
  File "/v/lib/python3.10/site-packages/cv2/shapes.py", line 3 in label
  File "/p/coding.py", line 74 in decode
  File "/p/train.py", line 27 in main
"""


def test_an_assertion_of_a_kernel_names_the_line_where_it_surfaced(tmp_path: Path) -> None:
    fix = diagnose_text(KERNEL + SURFACED, tmp_path)["fix"][0]
    assert (fix["file"], fix["line"]) == ("/p/quantise.py", 505)


def test_without_a_traceback_behind_it_no_line_is_named(tmp_path: Path) -> None:
    diagnosis = diagnose_text(SURFACED.replace("CUDA error: device-side assert triggered", "so") + KERNEL, tmp_path)
    assert diagnosis["root_cause"]["id"] == "data.id_out_of_range"
    assert "At :" not in diagnosis["fix"][0]["text"]


def test_a_crash_names_the_innermost_own_line_of_the_thread_that_crashed(tmp_path: Path) -> None:
    diagnosis = diagnose_text(CRASH, tmp_path)
    assert diagnosis["root_cause"]["id"] == "host.crash"
    assert (diagnosis["fix"][0]["file"], diagnosis["fix"][0]["line"]) == ("/p/coding.py", 74)
