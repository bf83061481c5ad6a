"""Train with tracking: python train.py --scenario SCENARIO"""

import argparse
import logging
import math

import scenarios

log = logging.getLogger("pipeline.cli")


def epochs(number):
    for epoch in range(number):
        yield epoch, math.exp(-epoch / 3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s - %(name)s - %(levelname)s - %(message)s")
    scenario = getattr(scenarios, args.scenario)
    log.info("starting run")
    scenario(epochs(5))
    log.info("run complete")


if __name__ == "__main__":
    main()
