"""Logs meant to break us: nothing raises, nothing hangs, nothing gets out as markup, whatever a log holds."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_check import assert_only_ours
from replay import diagnosed, facts_of
from timing import LINEAR, growth

from postmortem.report.render import markdown
from postmortem.report.summary import write

FRAME = '  File "/p/<b>{{ 7*7 }}`.py", line 3, in f\n    raise ValueError(x)\n'
TRACEBACK = (
    f"Traceback (most recent call last):\n{FRAME}ValueError: ]]> <script>alert(1)</script> [x](javascript:a) ```\n"
)
INJECTIONS = [
    "FileNotFoundError: [Errno 2] No such file or directory: '</pre><script>alert(1)</script>.csv'",
    "ModuleNotFoundError: No module named '{{ config.__class__ }}'",
    "KeyError: '```\n## Fix\n```'",
    "RuntimeError: ](javascript:alert(1)) ![x](http://e/x.png) <!-- ]]> {% raw %} {{ 7*7 }}",
    "ValueError: \u202eexe.txt\u202c \u200b\u200d \ufeff \x1b]8;;http://evil\x07click\x1b]8;;\x07",
    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (`x`|a|b and <b>)",
    "OSError: [Errno 28] No space left on device: '$(touch HACKED)`touch HACKED`'",
    "slurmstepd: error: *** JOB <script> ON node`x` CANCELLED AT 2024 DUE TO TIME LIMIT ***",
]


def big(unit: str | bytes, size: int) -> bytes:
    data = unit.encode() if isinstance(unit, str) else unit
    return (data * (size // len(data) + 1))[:size]


MEGABYTE = 1 << 20
LINK = "\nDuring handling of the above exception, another exception occurred:\n\n"
LINES = TRACEBACK.splitlines(True)
THEMES = (
    'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    raise ValueError(x)\n'
    f"ValueError: {'CUDA features labels ids no data batch ' * 48}\n"
)
WHOLE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "nul": lambda: b"\0" * 100_000,
    "random bytes": lambda: random.Random(1).randbytes(MEGABYTE),
    "random small": lambda: random.Random(2).randbytes(100_000),
    "utf-16": lambda: (TRACEBACK * 50).encode("utf-16"),
    "utf-16 large": lambda: (TRACEBACK * 5000).encode("utf-16-be"),
    "latin-1": lambda: "ValueError: größer\n".encode("latin-1") * 1000,
    "terminal codes": lambda: big("\x1b[31mError\x1b[0m \x1b]0;t\x07\x1b(B\x1b", 300_000),
    "one line": lambda: big("error ", 8 * MEGABYTE),
    "one long word": lambda: big("a", 4 * MEGABYTE),
    "loss nan": lambda: big("loss nan ", 400_000),
    "lone carriage returns": lambda: big("step 1 error\r", 3 * MEGABYTE),
    "only carriage returns": lambda: b"\r" * 300_000,
    "only line ends": lambda: b"\n" * MEGABYTE,
    "many tracebacks": lambda: TRACEBACK.encode() * 100_000,
    "many small tracebacks": lambda: TRACEBACK.encode() * 1_500,
    "many headers": lambda: b"Traceback (most recent call last):\n" * 10_000,
    "many frames": lambda: b"Traceback (most recent call last):\n" + FRAME.encode() * 4_000,
    "many exceptions": lambda: b"".join(b"ValueError: number %d is wrong in x%d\n" % (i, i * 7) for i in range(20_000)),
    "long chain": lambda: (TRACEBACK + LINK).encode() * 1_500,
    "deep nesting": lambda: "".join("  " * i + line for i in range(150) for line in LINES).encode(),
    "deep groups": lambda: "".join("| " * i + line for i in range(200) for line in LINES).encode(),
    "gigantic message": lambda: TRACEBACK.encode().rstrip() + big("x: 1, ", 5 * MEGABYTE),
    "gigantic message of many lines": lambda: TRACEBACK.encode() + b"  more of the message error\n" * 30_000,
    "ranks": lambda: "".join(f"[rank{i % 997}]: {line}" for i in range(1_500) for line in LINES).encode(),
    "brackets": lambda: big("[" * 50 + "(" * 50 + ":" * 50 + "\n", 300_000),
    "digits": lambda: big("1" * 1_990 + "\n", 380_000),
    "key=value": lambda: big("key=value " * 199 + "\n", 380_000),
    "dots": lambda: big("a.b." * 490 + "\n", 380_000),
    "secret names": lambda: big("secret_" * 280 + "\n", 380_000),
    "quotes": lambda: big("\"'" * 990 + "\n", 380_000),
    "bars": lambda: big("[00:00<" * 280 + "%|\n", 380_000),
    "urls": lambda: big("http://a:" * 220 + "\n", 380_000),
    "usage": lambda: b"usage: x\n" + big("  --option\n", 300_000),
    "themes": lambda: big(THEMES, 380_000),
}  # fmt: skip


def check(content: bytes, folder: Path) -> dict[str, Any]:
    """Through the whole chain; the reports hold our own markup only."""
    (folder / "slurm.err").write_bytes(content)
    facts = facts_of(folder)
    diagnosis = diagnosed(facts)
    assert not [problem for problem in diagnosis["not_checked"] if "broke" in problem], diagnosis["not_checked"]
    assert "(entry " not in json.dumps(diagnosis)
    report = markdown(diagnosis)
    assert_only_ours(report)
    assert len(report) < 200_000
    (folder / "diagnosis.json").write_text(json.dumps(diagnosis, allow_nan=False))
    targets = {kind: folder / f"diagnoses.{kind}" for kind in ("md", "html", "tsv")}
    write([folder / "diagnosis.json"], folder, targets)
    for path in targets.values():
        said = path.read_text()
        assert not set(said) & {"\x00", "\x1b", "\u202e", "\u200b", "\ufeff"}
    assert "<script" not in targets["html"].read_text()
    return diagnosis


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_log_of_it_takes_linear_time(name: str, tmp_path: Path) -> None:
    assert growth(lambda content: check(content, tmp_path), WHOLE[name]()) < LINEAR


@pytest.mark.parametrize("injection", INJECTIONS)
@pytest.mark.parametrize("around", ["{}\n", "Traceback (most recent call last):\n" + FRAME + "{}\n", "[rank0]: {}\n"])
def test_injections(injection: str, around: str, tmp_path: Path) -> None:
    diagnosis = check(around.replace("{}", injection).encode(), tmp_path)
    assert diagnosis["status"] == "failed"
    assert "49" not in json.dumps([diagnosis["root_cause"], diagnosis["summary"]])


def test_random_mixtures(tmp_path: Path) -> None:
    """Pieces of real logs, cut and shuffled: seeds that once broke something stay here by being deterministic."""
    source = random.Random(20240101)
    pieces = [line for text in (TRACEBACK, *INJECTIONS) for line in text.splitlines(True)]
    pieces += [
        "\r", "\n", "\0", "\x1b[", "[rank1]: ", "2024-01-01 10:00:00 ERROR ", "100%|██| 3/3 [00:01<00:00]", "| ",
        "+-+-- 1 --\n", LINK, '"""\n', "    shell:\n", "usage: x\n", "🔥", "Original ", "srun: error: ",
        "Error in rule x:\n", "Caught KeyError in DataLoader worker process 0.\n",
    ]  # fmt: skip
    for _ in range(60):
        content = "".join(source.choice(pieces) for _ in range(source.randrange(60))).encode()
        check(content[source.randrange(9) :], tmp_path)
