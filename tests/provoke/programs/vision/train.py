"""Train an image classifier: python train.py RECIPE [--epochs N] [--batch-size N] [--lr X]"""

import argparse
import logging

import torch
from engine import Engine
from recipes import RECIPES
from torch.utils.data import DataLoader


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--optimizer", default="adam", choices=["adam", "sgd"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--anomaly", action="store_true", help="find the operation that gives NaN gradients")
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    torch.manual_seed(3)
    torch.autograd.set_detect_anomaly(args.anomaly)
    build_net, build_data, criterion = RECIPES[args.recipe]
    net = build_net()
    if args.compile:
        net = torch.compile(net)
    loader = DataLoader(build_data(), batch_size=args.batch_size, shuffle=True)
    logging.info("recipe %s, %d images, %d parameters", args.recipe, len(loader.dataset),
                 sum(p.numel() for p in net.parameters()))  # fmt: skip
    optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[args.optimizer](net.parameters(), lr=args.lr)
    engine = Engine(net, criterion, optimizer, device=args.device)
    engine.fit(loader, args.epochs)
    engine.save("checkpoints/last.pt")


if __name__ == "__main__":
    main()
