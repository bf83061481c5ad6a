"""Graph attention on traffic windows: python main.py --stage STAGE [--dataset DATASET]"""

import argparse
import sys

from stages import STAGES


def cli(argv=None):
    parser = argparse.ArgumentParser(prog="graphs")
    parser.add_argument("--stage", choices=sorted(STAGES), required=True)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args(argv)
    print(f"[graphs] stage={args.stage} epochs={args.epochs}", flush=True)
    return STAGES[args.stage](args)


if __name__ == "__main__":
    sys.exit(cli())
