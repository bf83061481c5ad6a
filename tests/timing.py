"""Time as ratios that are taken in one run: the machines that run this differ, are shared and are noisy."""

from __future__ import annotations

import time
from collections.abc import Callable

ROUNDS = 5  # others on the machine can only make it slower: of several tries the quickest counts
TIMES = 4  # how much larger the larger input is
# What is linear takes TIMES as long, what is quadratic TIMES² = 16 times; the limit is as far from both.
LINEAR = 8


def seconds(work: Callable[[], object], tries: int = 3, clock: Callable[[], float] = time.process_time) -> float:
    """What the quickest try takes, to be compared with others of the same run.

    The clock of the CPU leaves out what others do, and also what a helper process does and what is waited for;
    `time.monotonic` takes both in.
    """
    return min(_once(work, clock) for _ in range(tries))


def ratio(
    work: Callable[[], object],
    reference: Callable[[], object],
    limit: float,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """How many times as long as the reference the work takes; tried again while it is above the limit."""
    # The work comes first: what is only done once is not the reference's.
    quickest = {work: float("inf"), reference: float("inf")}
    found = float("inf")
    for _ in range(ROUNDS):
        for each in quickest:
            quickest[each] = min(quickest[each], _once(each, clock))
        found = quickest[work] / max(quickest[reference], 1e-9)
        if found < limit:
            break
    return found


def growth(work: Callable[[bytes], object], content: bytes) -> float:
    """How many times as long the whole content takes as its first quarter; below LINEAR for whatever is linear."""
    quarter = content[: len(content) // TIMES]
    return ratio(lambda: work(content), lambda: work(quarter), LINEAR)


def _once(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start
