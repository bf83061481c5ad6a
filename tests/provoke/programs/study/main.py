"""Detect attacks in sensor readings: python main.py EXPERIMENT [--epochs N] [--style STYLE]"""

import argparse
import logging
import sys
import warnings

import experiments
from loop import LoopError

FORMATS = {"plain": "%(message)s", "log": "%(asctime)s [%(levelname)s] %(name)s:%(lineno)d - %(message)s",
           "abseil": "%(levelname).1s%(asctime)s %(process)d %(filename)s:%(lineno)d] %(message)s"}  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("experiment")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--style", choices=FORMATS, default="log")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format=FORMATS[args.style], stream=sys.stdout)
    logging.captureWarnings(args.style == "abseil")
    warnings.simplefilter("default")
    try:
        getattr(experiments, args.experiment)(args.epochs)
    except LoopError as error:
        logging.getLogger("main").critical("giving up: %s", error)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
