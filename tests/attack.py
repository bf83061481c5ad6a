"""`make attack`: what hostile content, names, secrets and kills do to a diagnosis; a table of kind, tried, survived.

    attack.py [--files N] [--secrets N] [--names N] [--kills N] [--seed N]

The numbers are per attack, not per kind; a part with a fixed seed runs in test_attack.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import attack_files
import attack_kills
import attack_names
import attack_secrets

Case = tuple[str, Callable[[], str]]  # its kind, and what returns what went wrong


def cases(scratch: Path, files: int, secrets: int, seed: int) -> Iterator[Case]:
    """The cases that take a fraction of a second each."""
    damages = list(attack_files.DAMAGES)
    for number in range(files):
        name = damages[number % len(damages)]
        yield f"file: {name}", partial(attack_files.attack, scratch, name, seed + number)
    places, kinds = list(attack_secrets.PLACES), len(attack_secrets.KINDS)
    for number in range(secrets):
        # All pairs in turn: the place changes with each case, the kind with each round and so that no pair comes twice.
        place, kind = places[number % len(places)], (number + number // len(places)) % kinds
        yield f"secret: {place}", partial(attack_secrets.attack, scratch, place, kind)


def run(case: Case) -> tuple[str, str]:
    """Kind, and what went wrong."""
    kind, attack = case
    try:
        return kind, attack()
    except Exception as error:
        return kind, f"{type(error).__name__}: {error}"


def table(tried: Counter[str], survived: Counter[str]) -> Iterable[str]:
    """Lines of Markdown."""
    yield "| kind | tried | survived |"
    yield "| --- | --- | --- |"
    for kind in tried:
        yield f"| {kind} | {tried[kind]} | {survived[kind]} |"
    yield f"| all | {tried.total()} | {survived.total()} |"


def main() -> int:
    """Exit status 1 if anything did not survive."""
    parser = argparse.ArgumentParser()
    for name, count in (("files", 10_000), ("secrets", 4_320), ("names", 100), ("kills", 200), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=count)
    args = parser.parse_args()
    tried: Counter[str] = Counter()
    survived: Counter[str] = Counter()

    def count_all(kind: str, number: int, problems: list[str]) -> None:
        """So many were tried; each problem is that of one of them."""
        tried[kind] += number
        survived[kind] += max(0, number - len(problems))
        for problem in problems:
            print(f"{kind}: {problem}", flush=True)

    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        scratch = Path(folder)
        with ProcessPoolExecutor(os.cpu_count()) as workers:
            for kind, problem in workers.map(run, cases(scratch, args.files, args.secrets, args.seed), chunksize=20):
                count_all(kind, 1, [problem] if problem else [])
        if args.names:
            count_all("names", args.names, attack_names.attack(scratch / "names", args.names, args.seed))
        if args.kills:
            pauses = attack_kills.pauses(args.kills, args.seed)
            count_all("kills", args.kills, attack_kills.attack(scratch / "kills", pauses))
    print("\n".join(table(tried, survived)))
    return 0 if tried == survived else 1


if __name__ == "__main__":
    sys.exit(main())
