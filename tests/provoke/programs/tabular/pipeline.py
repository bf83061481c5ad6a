"""Prepare tables and fit a classifier: python pipeline.py STEP [--config FILE] [--set key=value ...]"""

import argparse
import sys
from datetime import datetime

from prep import steps
from prep.settings import load_settings


def log(message):
    print(f"{datetime.now():%H:%M:%S} {message}", flush=True)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step")
    parser.add_argument("--config", default="configs/base.yaml")
    parser.add_argument("--set", nargs="*", default=[], dest="overrides")
    args = parser.parse_args(argv)
    settings = load_settings(args.config, args.overrides)
    log(f"step {args.step} with {args.config}")
    try:
        step = steps.STEPS[args.step]
    except KeyError:
        raise SystemExit(f"unknown step {args.step!r}, choose from {', '.join(sorted(steps.STEPS))}") from None
    step(settings, log)
    log("done")


if __name__ == "__main__":
    sys.exit(main())
