"""Attack by names of runs and data sets: each run gets its diagnosis, and nothing of its name is executed."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from example_projects import REPOSITORY, SNAKEMAKE_9, call, diagnose_all
from made_runs import failed_run

from postmortem.project.runs import can_be_named

_PIECES = [
    "$(touch CANARY)", "`touch CANARY`", ";touch CANARY", "|touch CANARY", "&& touch CANARY", "'", '"', "\\", " ", "  ",
    "\t", "\n", "\r", "\x1b[31m", "\x07", "\x01", "{", "}", "{{x}}", "{run}", "{{ 7*7 }}", "{% raw %}", "%s", "%(x)s",
    "*", "?", "[a]", "!", "#", "=1+1", "@", "+", "-", "--help", "-rf", "~", "$HOME", "<b>", "&amp;", "](x)", "`", "```",
    "|", "é", "日本", "\u202e", "\u200b", "\ufeff", "🔥", "..", ".hidden", "config.json", "diagnosis.md", "None", "con",
    ":", ",", "\x7f", "\udce9", "x" * 120,
]  # fmt: skip


def names(count: int, seed: int) -> list[str]:
    """Different names of folders that are not hidden: hidden ones are no runs."""
    rng = random.Random(seed)
    found: list[str] = []
    while len(found) < count:
        name = "".join(rng.choice(_PIECES) for _ in range(rng.randint(1, 4)))
        if name not in found and name[0] != "." and len(name.encode(errors="surrogateescape")) < 250:
            found.append(name)
    return found


def attack(root: Path, count: int, seed: int) -> list[str]:
    """So many runs in one project, diagnosed by the workflow; what it cannot name, it says, and the direct call makes.

    Returns what went wrong.
    """
    runs = []
    for number, name in enumerate(names(count, seed)):
        run = f"{name}/r" if number % 2 else f"set_01/{name}"
        runs.append(failed_run(root, run))
    done = call(root, *diagnose_all(SNAKEMAKE_9, root), timeout=600)
    left = [run for run in runs if not (run / "diagnosis.md").is_file()]
    wrong = [repr(str(run)) for run in left if can_be_named(str(run))]
    if done.returncode or done.stdout.count("Snakemake cannot name its files") != len(left):
        wrong.append(f"exit status {done.returncode}, {len(left)} left: {done.stdout[-300:]}")
    directly = call(root, sys.executable, REPOSITORY / "workflow/scripts/diagnose_now.py", "--config", "sacct=off")
    wrong += [repr(str(run)) for run in runs if not (run / "diagnosis.md").is_file() or not _tells(run)]
    if directly.returncode:
        wrong.append(f"exit status {directly.returncode}: {directly.stdout[-300:]}")
    return wrong + [f"executed: {path}" for path in root.rglob("*CANARY*") if path.name == "CANARY"]


def _tells(run: Path) -> bool:
    return "KeyError" in (run / "diagnosis.md").read_text()
