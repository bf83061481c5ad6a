"""Logs made of provoked ones, so that the truth is known: one after another, shell noise before, a failed upload after.

A few hundred real logs hold few that went through several attempts; here every pair does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

FIXTURES = Path(__file__).parent / "provoked"
SEED = 20261126
PER_KIND = 82

# What a shell says at the top of many jobs that then work for hours.
NOISE = (
    "CondaError: Run 'conda init' before 'conda activate'\n\n",
    "/var/spool/slurmd/job4711/slurm_script: line 12: module: command not found\n",
    'Lmod has detected the following error: The following module(s) are unknown: "cuda/12.9"\n\n'
    'Please check the spelling or version number. Also try "module spider ..."\n',
    "/var/spool/slurmd/job4711/slurm_script: line 9: nvidia-smi: command not found\n",
    "bash: /opt/site/env.sh: No such file or directory\n",
)
# What programs still try when they are dying, and what their trackers and interpreters say then.
AFTERWARDS = (
    "wandb: ERROR Error while calling W&B API: run ada/net/x1 was not found (<Response [404]>)\n",
    "Exception ignored in atexit callback: <function _exit_function at 0x7f0f3c1f5e10>\n"
    "Traceback (most recent call last):\n"
    '  File "/usr/lib/python3.11/multiprocessing/util.py", line 360, in _exit_function\n    _run_finalizers()\n'
    '  File "/usr/lib/python3.11/shutil.py", line 717, in rmtree\n    os.rmdir(path)\n'
    "OSError: [Errno 39] Directory not empty: '/tmp/pymp-a1b2c3d4'\n",
    "Traceback (most recent call last):\n"
    '  File "/usr/lib/python3.11/multiprocessing/util.py", line 300, in _run_finalizers\n    finalizer()\n'
    '  File "/usr/lib/python3.11/shutil.py", line 717, in rmtree\n    os.rmdir(path)\n'
    "OSError: [Errno 16] Device or resource busy: '.nfs000000002f3a1b'\n",
    "srun: error: node07: task 0: Exited with exit code 1\nsrun: Terminating StepId=4711.0\n",
)


@dataclass(frozen=True)
class Provoked:
    """A really provoked log. causes: empty for a healthy one."""

    name: str
    text: str
    causes: frozenset[str]


@dataclass(frozen=True)
class Made:
    """A made log with what it should give."""

    kind: str
    name: str
    text: str
    causes: frozenset[str]


def provoked() -> list[Provoked]:
    """The fixtures whose standard error tells the cause: what stands on another stream cannot be put together."""
    found = []
    for path in sorted(FIXTURES.glob("*/label.yaml")):
        label = yaml.safe_load(path.read_text(encoding="utf-8"))
        stream = path.parent / "slurm.err"
        text = stream.read_text(encoding="utf-8", errors="replace") if stream.exists() else ""
        healthy = label["cause"] == "none"
        if text.strip() and (healthy or str(label.get("key_evidence") or "-") in text):
            causes = frozenset() if healthy else frozenset({label["cause"], *(label.get("also_ok") or [])})
            found.append(Provoked(path.parent.name, text if text.endswith("\n") else f"{text}\n", causes))
    return found


def made_logs() -> Iterator[Made]:
    """The same logs at every call. Logs of Snakemake itself tell of many jobs, and are left out."""
    dice = random.Random(SEED)
    every = [one for one in provoked() if not one.name.startswith(("smk", "ok-smk"))]
    failed = [one for one in every if one.causes]
    # Healthy by what this stream says alone: others are so by the words of another one.
    healthy = [one for one in every if not one.causes and "Traceback" not in one.text and one.text.count("\n") > 2]
    healthy = [one for one in healthy if one.name != "ok-stack-dump"]
    for _ in range(PER_KIND):
        first, last = dice.sample(failed, 2)
        while first.causes & last.causes:
            first, last = dice.sample(failed, 2)
        yield Made("a crash after a crash", f"{first.name}+{last.name}", first.text + last.text, last.causes)
    for _ in range(PER_KIND):
        noise, last = dice.choice(NOISE), dice.choice([one for one in failed if "env.activation" not in one.causes])
        yield Made("shell noise first", f"noise+{last.name}", noise + last.text, last.causes)
    for _ in range(PER_KIND // 2):
        first, last = dice.choice(failed), dice.choice(healthy)
        yield Made("an old crash, then a healthy run", f"{first.name}+{last.name}", first.text + last.text, last.causes)
    for _ in range(PER_KIND):
        last, words = dice.choice(failed), dice.choice(AFTERWARDS)
        yield Made("a failed step after the death", f"{last.name}+end", last.text + words, last.causes)
