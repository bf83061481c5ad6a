"""Attack by SIGKILL: whenever a call ends, nothing that it wrote is half of it, and the next call makes all."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from example_projects import SNAKEMAKE_9, call, diagnose_all, environment
from made_runs import failed_run

RUNS = 12
LONGEST = 4.0  # seconds: a whole call takes three


def pauses(count: int, seed: int) -> list[float]:
    """Seconds after which a call is killed: before, while and after its jobs run."""
    rng = random.Random(seed)
    return [rng.uniform(0.3, LONGEST) for _ in range(count)]


def attack(root: Path, killed_after: Iterable[float], snakemake: Path = SNAKEMAKE_9) -> list[str]:
    """A call killed after each of these seconds, in one project; begun anew whenever all is made.

    Returns what went wrong.
    """
    runs = [failed_run(root, f"set_{number:02d}/first") for number in range(RUNS)]
    command = diagnose_all(snakemake, root)
    wrong: list[str] = []
    for seconds in killed_after:
        if all((run / "diagnosis.md").exists() for run in runs):
            for made in root.glob("experimentruns/**/diagnos*.*"):
                made.unlink()
        killed = subprocess.Popen(
            command, cwd=root, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(seconds)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        wrong += _halves(root)
    done = call(root, *command)
    summary = root / "experimentruns" / "diagnoses.html"
    wrong += [f"not made: {path}" for path in (*(run / "diagnosis.md" for run in runs), summary) if not path.is_file()]
    again = call(root, *command)
    if done.returncode or again.returncode or "rule collect" in again.stdout:
        wrong.append(
            f"the next calls: {done.returncode}, {again.returncode}: {done.stdout[-300:]}{again.stdout[-300:]}"
        )
    return wrong


def _halves(root: Path) -> list[str]:
    found = []
    for written in root.glob("experimentruns/**/diagnos*.*"):
        text = written.read_text()
        if written.suffix == ".json":
            try:
                json.loads(text)
            except ValueError:
                found.append(f"half written: {written}")
        elif not text.endswith("\n"):
            found.append(f"half written: {written}")
    return found
