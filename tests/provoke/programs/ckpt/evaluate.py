"""Evaluate a saved model: python evaluate.py CHECKPOINT [--model NAME] [--ema]"""

import argparse
import sys
from pathlib import Path

import checkpoints
import torch
from models import MODELS


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--model", default="gru", choices=MODELS)
    parser.add_argument("--reader", default="plain", choices=checkpoints.READERS)
    parser.add_argument("--strict", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    model = MODELS[args.model]()
    print(f"evaluating {args.checkpoint} with {type(model).__name__}", flush=True)
    state = checkpoints.READERS[args.reader](args.checkpoint)
    result = model.load_state_dict(state, strict=args.strict)
    print("loaded:", result)
    with torch.inference_mode():
        print("score", model(torch.ones(2, 5, 8)).mean().item())


if __name__ == "__main__":
    sys.exit(main())
