"""Logs as programs write them, of any size: what the measurements read. Each mix ends in the same failure."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

BLOCK_LINES = 40_000  # made once and repeated: a log of many hours repeats itself too
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/srv/train/fit.py", line 12, in fit\n    loss = model(batch)\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB\n"
)
_WORDS = ("batch", "graph", "node", "edge", "sample", "shard", "worker", "cache", "split", "epoch", "token", "label")


def _bar(rng: random.Random) -> str:
    done = rng.randint(0, 100)
    return (
        f"Epoch {rng.randint(0, 300)}:  {done}%|{'#' * (done // 3)}| {rng.randint(0, 938)}/938 "
        f"[00:{rng.randint(0, 59):02d}<00:{rng.randint(0, 59):02d}, {rng.random() * 40:.2f}it/s, "
        f"train_loss={rng.random():.4f}]\r"
    )


def _step(rng: random.Random) -> str:
    return f"step {rng.randint(0, 938)} loss {rng.random():.5f} grad_norm {rng.random():.4f} lr {rng.random():.6f}\n"


def _logged(rng: random.Random) -> str:
    return (
        f"2026-02-05 12:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d},{rng.randint(0, 999):03d}  pipeline  INFO  "
        f"{rng.randint(0, 938)}/938 chunks complete\n"
    )


def _warning(rng: random.Random) -> str:
    return (
        f"/opt/gnn/lib/python3.11/site-packages/torch/utils/data/dataloader.py:{rng.randint(1, 900)}: UserWarning: "
        f"This DataLoader will create {rng.randint(1, 300)} workers.\n"
    )


def _traceback(rng: random.Random) -> str:
    return (
        'Traceback (most recent call last):\n  File "/srv/train/read.py", line 31, in read\n    return parse(row)\n'
        f"ValueError: row {rng.randint(0, 10**6)} has {rng.randint(0, 99)} fields\nskipping it\n"
    )


def _json(rng: random.Random) -> str:
    return json.dumps({"level": "info", "step": rng.randint(0, 10**6), "loss": rng.random()}) + "\n"


def _prose(rng: random.Random) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(12)) + "\n"


def _training(rng: random.Random) -> str:
    return rng.choice((_bar, _step, _logged, _warning))(rng)


MIXES: dict[str, Callable[[random.Random], str]] = {
    "training": _training,
    "progress bars": _bar,
    "warnings": _warning,
    "tracebacks": _traceback,
    "JSON lines": _json,
    "prose": _prose,
}


def write_log(path: Path, mix: str, mebibytes: int) -> None:
    """A log of that mix and size, and its failure at the end."""
    rng = random.Random(5)
    block = "".join(MIXES[mix](rng) for _ in range(BLOCK_LINES)).encode()
    with path.open("wb") as stream:
        while stream.tell() < mebibytes << 20:
            stream.write(block)
        stream.write(b"\n" + TRACEBACK.encode())


def write_patterns(path: Path) -> None:
    """150 expressions for ripgrep: what a person would look for, and as many more as a catalogue has."""
    known = [
        "CUDA out of memory",
        r"Traceback \(most recent call last\)",
        r"size mismatch for (\S+):",
        "DUE TO TIME LIMIT",
        r"loss[=: ]+nan",
        "oom[-_]kill",
        r"\w+Error: ",
    ]
    path.write_text("\n".join([*known, *(rf"known failure {i} of \w+ in" for i in range(150 - len(known)))]) + "\n")
