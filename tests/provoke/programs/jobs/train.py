"""A long-running training with little of a model: python train.py [--epochs N] [--then WHAT]"""

import argparse
import faulthandler
import logging
import sys
import time

import endings

log = logging.getLogger("train")


def train(epochs, seconds):
    for epoch in range(1, epochs + 1):
        time.sleep(seconds)
        log.info("epoch %d/%d loss=%.4f lr=1.0e-03 grad_norm=%.2f", epoch, epochs, 2.0 / epoch**0.5, 1.5 / epoch)


def main():
    parser = argparse.ArgumentParser(prog="train.py")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.01, help="of one epoch")
    parser.add_argument("--then", default="finish", help="what happens after the last epoch")
    parser.add_argument("--faulthandler", action="store_true")
    parser.add_argument("--optimizer", choices=["adam", "sgd", "adamw"], default="adam")
    parser.add_argument("--use-kd", action="store_true")
    parser.add_argument("--teacher-path", default="")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s | %(levelname)s | %(message)s")
    if args.faulthandler:
        faulthandler.enable()
    if args.use_kd and not args.teacher_path:
        parser.error("--use-kd needs --teacher-path")
    train(args.epochs, args.seconds)
    return getattr(endings, args.then)(log)


if __name__ == "__main__":
    sys.exit(main())
