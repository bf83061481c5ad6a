"""Run one stage: python -m pipeline.cli curriculum --dataset hatch --model-size teacher --lr 0.001

With `--config <a config.json>` a run is repeated as it was, but for the flags that are given as well.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import signal
import sys
from pathlib import Path
from types import FrameType

from pipeline import tracking
from pipeline.config import STAGES, Config, add_flags, build, freeze, validate

log = logging.getLogger("pipeline.cli")


def on_sigterm(number: int, frame: FrameType | None) -> None:
    """SLURM sends SIGTERM before a job's time is over; what has been saved so far is kept."""
    log.warning("received %s, stopping", signal.Signals(number).name)
    sys.exit(128 + number)


def run_stage(stage: str, config: Config, run_dir: Path) -> Path:
    """Do the work of a stage; torch is imported only here, so that a bad configuration fails at once."""
    import torch

    from pipeline import evaluation, stages

    torch.set_num_threads(1)  # the models are so small that more threads only get into each other's way
    torch.set_default_dtype(torch.float64 if config.precision == "64-true" else torch.float32)
    torch.manual_seed(config.seed)
    random.seed(config.seed)
    work = {
        "autoencoder": stages.autoencoder,
        "curriculum": stages.curriculum,
        "fusion": stages.fusion,
        "evaluation": evaluation.evaluation,
    }
    return work[stage](config, run_dir)


def run(stage: str, config: Config) -> Path:
    """A stage with its book-keeping: config.json and the database before it, the result and the database after."""
    validate(config, stage)
    run_dir = config.run_dir(stage)
    log.info("configuration: %s", freeze(config, run_dir))
    tracking.started(config, stage)
    try:
        result = run_stage(stage, config, run_dir)
    except Exception:
        tracking.ended(config, stage, "failed")
        raise
    tracking.register_dataset(config)
    if stage == "evaluation":
        tracking.measured(config, stage, json.loads(result.read_text()))
    tracking.ended(config, stage, "complete")
    log.info("%s is complete: %s", stage, result)
    return result


def parsed(arguments: list[str] | None) -> tuple[str, Config]:
    """The stage and the configuration that a command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--config", dest="frozen", help="the config.json of an earlier run")
    add_flags(parser)
    args = vars(parser.parse_args(arguments))
    stage, frozen = args.pop("stage"), args.pop("frozen")
    return stage, build(frozen, args)


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    # force: several runs in one process, each with its own stderr
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", level=logging.INFO, force=True)
    signal.signal(signal.SIGTERM, on_sigterm)
    run(*parsed(arguments))


if __name__ == "__main__":
    main()
