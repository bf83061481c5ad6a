"""Feed a model from worker processes: python run.py FEED [--workers N] [--batch-size N]"""

import argparse
import logging
import sys

import feeds
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

log = logging.getLogger("loading")


def loop(loader, epochs):
    model = torch.nn.LazyLinear(1)
    for epoch in range(epochs):
        seen = 0
        for batch in tqdm(loader, desc=f"epoch {epoch}", file=sys.stderr, ascii=True, ncols=70):
            x = batch["x"] if isinstance(batch, dict) else batch
            model(x.float().reshape(len(x), -1))
            seen += len(x)
        log.info("epoch %d: %d samples", epoch, seen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("feed")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--start", default="fork", choices=["fork", "spawn", "forkserver"])
    parser.add_argument("--sharing", choices=["file_descriptor", "file_system"])
    parser.add_argument("--timeout", type=float, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="[%(asctime)s][%(name)s][%(levelname)s] %(message)s")
    if args.sharing:
        torch.multiprocessing.set_sharing_strategy(args.sharing)
    dataset, options = feeds.FEEDS[args.feed]()
    loader = DataLoader(dataset, args.batch_size, num_workers=args.workers, timeout=args.timeout,
                        multiprocessing_context=args.start if args.workers else None, **options)  # fmt: skip
    log.info("feed %s with %d workers (%s)", args.feed, args.workers, args.start)
    loop(loader, args.epochs)


if __name__ == "__main__":
    main()
