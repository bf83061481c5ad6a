"""What a test starts is what its marks say, so that the quick checks can leave out what takes long."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

MARKS = {"snakemake", "snakemake7", "slurm", "training"}
SLURM_PROGRAMS = ("sbatch", "srun", "salloc", "scancel", "scontrol", "sacct", "squeue", "sinfo", "sacctmgr")
TRAINING_PROGRAMS = ("run_demo.py", "train.py", "train.sh")
TRAINING_MODULES = ("pipeline.cli", "pipeline.healthy")
INTERPRETER = re.compile(r"python[\d.]*|bash|sh")
_REAL_SLURM = {found for program in SLURM_PROGRAMS if (found := shutil.which(program))}

_marks: Collection[str] | None = None  # of the test that runs, its fixtures included


@contextmanager
def held_to(marks: Collection[str]) -> Iterator[None]:
    """Meanwhile a process that needs a mark which is not among these fails the test that starts it."""
    global _marks
    before, _marks = _marks, marks
    try:
        yield
    finally:
        _marks = before


def marks_due(command: list[str], path: str | None = None) -> set[str]:
    """The marks that a test needs for starting this command with that PATH."""
    due = set()
    # Of an interpreter the words say what is started; to others they may be names of files.
    for word in command if INTERPRETER.fullmatch(os.path.basename(command[0])) else command[:1]:
        if os.path.basename(word) == "snakemake":
            due.add("snakemake7" if ".venv-snakemake7" in word else "snakemake")
        if os.path.basename(word) in TRAINING_PROGRAMS or word in TRAINING_MODULES:
            due.add("training")
    if shutil.which(command[0], path=path) in _REAL_SLURM:  # not a stand-in in front of the PATH
        due.add("slurm")
    return due


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "subprocess.Popen" or _marks is None:
        return
    _, command, _, environment = arguments
    words = [os.fsdecode(command)] if isinstance(command, str | bytes) else [os.fsdecode(word) for word in command]
    missing = marks_due(words, (environment or os.environ).get("PATH")) - set(_marks)
    if missing:
        # Not an Exception: programs under test go on without a command that cannot be started.
        pytest.fail(f"starts {words[0]}, and lacks the mark {' and '.join(sorted(missing))}")


sys.addaudithook(_watch)
