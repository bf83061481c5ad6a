"""Attack by SIGKILL: whenever a call ends, nothing that it wrote is half of it, and the next call makes all."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

from example_projects import REPOSITORY, SNAKEMAKE_9, call, environment
from made_runs import make_run

RUNS = 12
LONGEST = 4.0  # seconds: a whole call takes three
CRASH = 'Traceback (most recent call last):\n  File "t.py", line 3, in f\n    g()\nKeyError: "a"\n'


def attack(root: Path, kills: int, seed: int) -> list[str]:
    """So many calls killed in one project; begun anew whenever all is made. Returns what went wrong."""
    rng = random.Random(seed)
    runs = []
    for number in range(RUNS):
        runs.append(make_run(root, f"set_{number:02d}/first", stderr=CRASH))
        (runs[-1] / ".failed").touch()
    command = [SNAKEMAKE_9, "diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", root, "--cores", "2"]
    words = [str(word) for word in (*command, "--config", "sacct=off")]
    wrong: list[str] = []
    for _ in range(kills):
        if all((run / "diagnosis.md").exists() for run in runs):
            for made in root.glob("experimentruns/**/diagnos*.*"):
                made.unlink()
        killed = subprocess.Popen(
            words, cwd=root, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(rng.uniform(0.3, LONGEST))
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        wrong += _halves(root)
    done = call(root, *command, "--config", "sacct=off")
    wrong += [f"not made: {run}" for run in runs if not (run / "diagnosis.md").is_file()]
    return wrong if not done.returncode else [*wrong, f"the next call fails: {done.stdout[-300:]}"]


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
