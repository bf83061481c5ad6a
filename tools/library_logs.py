"""Logs of runs that died in a library, made of the raise statements in its wheel: library_logs.py WHEELS OUT.

WHEELS is a folder of wheels (tools/libraries.txt says how to get them), OUT gets a file for each log, and
`origins.json`: name → the statement it is made of. The same wheels and seed give the same logs. They hold sentences of
other people's code, so neither belongs into a repository.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path

from library_raises import Raise, raises

SEED = 20261126
COUNT = 2000
LARGEST_SHARE = 0.08  # of the logs from one library, so that none decides the figure
_SITE = "/home/u/miniconda3/envs/x/lib/python3.11/site-packages"
_SCRIPT = "/home/u/proj/train.py"
_BEFORE = (
    "Seed set to 42",
    "2026-03-02 09:14:07 INFO configuration read from configs/base.yaml",
    "2026-03-02 09:14:11 INFO device: cuda:0",
    "2026-03-02 09:14:12 INFO output goes to runs/base_42",
    "2026-03-02 09:14:19 INFO 48213 samples for training, 6027 for validation",
    "Epoch 0: 100%|##########| 377/377 [01:12<00:00,  5.2it/s, loss=0.871]",
    "Epoch 1:  42%|####2     | 158/377 [00:31<00:43,  5.1it/s, loss=0.664]",
)


def drawn(wheels: Path, count: int, dice: random.Random) -> list[Raise]:
    """About `count` raise statements of all libraries, of each by its size, but of none more than LARGEST_SHARE."""
    # Some wheels hold the same files: a library and its small edition.
    found = {(one.file, one.line): one for wheel in sorted(wheels.glob("*.whl")) for one in raises(wheel)}
    by_library: dict[str, list[Raise]] = defaultdict(list)
    for one in found.values():
        by_library[one.library].append(one)
    most = int(LARGEST_SHARE * count)
    share = 1.0
    while sum(min(most, int(share * len(every))) for every in by_library.values()) > count:
        share *= 0.99
    some: list[Raise] = []
    for library in sorted(by_library):
        every = by_library[library]
        dice.shuffle(every)
        some += every[: min(most, int(share * len(every)))]
    dice.shuffle(some)
    return some


def log_of(one: Raise, dice: random.Random) -> str:
    """The log of a training that this ended: a few lines of progress, then the traceback from the user's script."""
    before = "\n".join(_BEFORE[: dice.randint(3, len(_BEFORE))])
    public = one.caller.function if one.caller and one.function.startswith("_") else one.function
    constructs = bool(one.owner and public.startswith("__"))
    call = f"{'model' if one.owner and not constructs else one.library}.{one.owner if constructs else public}"
    frames = [(_SCRIPT, 88, "<module>", "main()"), (_SCRIPT, dice.randint(20, 80), "main", f"{call}(*args, **cfg)")]
    if one.caller:
        frames.append((f"{_SITE}/{one.file}", one.caller.line, one.caller.function, one.caller.source))
    frames.append((f"{_SITE}/{one.file}", one.line, one.function, one.source))
    shown = "".join(f'  File "{file}", line {line}, in {name}\n    {source}\n' for file, line, name, source in frames)
    return f"{before}\nTraceback (most recent call last):\n{shown}{one.type}: {one.message.strip()}\n"


def main() -> None:
    """The logs, written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=COUNT, help="of logs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the draw (default: %(default)s)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    dice = random.Random(options.seed)
    origins = {}
    for number, one in enumerate(drawn(options.wheels, options.count, dice)):
        origins[f"{number:04d}"] = f"{one.file}:{one.line}"
        (options.out / f"{number:04d}.err").write_text(log_of(one, dice), encoding="utf-8")
    (options.out / "origins.json").write_text(json.dumps(origins, indent=1), encoding="utf-8")
    print(f"{len(origins)} logs")


if __name__ == "__main__":
    main()
