"""Many healthy runs in one process, cheaply: python -m pipeline.healthy --runs 30

Cars, seeds, sizes, learning rates, schedulers and numbers of epochs differ, within what trains well. What they leave
is what the workflow's own runs leave, so a diagnosis that finds something in them is a false alarm.
"""

from __future__ import annotations

import argparse
import random
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pipeline import cli, synth
from pipeline.config import STAGES


def settings(choose: random.Random) -> list[str]:
    """Flags that vary from car to car and harm nobody."""
    values = {
        "model-size": choose.choice(["teacher", "student"]),
        "seed": choose.randrange(1000),
        "lr": choose.choice([0.005, 0.006, 0.008]),
        "scheduler-type": choose.choice(["none", "cosine", "step"]),
        "max-epochs": choose.choice([20, 24, 28]),
        "batch-size": choose.choice([3, 4]),
        "gradient-clip": choose.choice([0.0, 1.0]),
    }
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]


def run(stage: str, flags: list[str]) -> Path:
    """One run with its streams where the workflow's rule puts them."""
    folder = cli.parsed([stage, *flags])[1].run_dir(stage)
    folder.mkdir(parents=True, exist_ok=True)
    out, err = (folder / "slurm.out").open("w"), (folder / "slurm.err").open("w")
    with out, err, redirect_stdout(out), redirect_stderr(err):
        cli.main([stage, *flags])
    return folder


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    choose = random.Random(args.seed)
    flags: list[str] = []
    for number in range(args.runs):
        stage = STAGES[number % len(STAGES)]
        if stage == STAGES[0]:
            car = f"car_{number // len(STAGES):02d}"
            synth.captures(Path("data") / "automotive" / car, seed=choose.randrange(10_000))
            flags = ["--dataset", car, *settings(choose)]
        print(run(stage, flags), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
