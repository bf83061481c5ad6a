"""A small graph of encoder, head and loss on one GPU, and what goes wrong with it: train_gpu.py --task TASK"""

import argparse
import logging
import time

import tasks
import torch

log = logging.getLogger("train")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", required=True)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    torch.manual_seed(0)
    log.info("torch %s, CUDA %s, device %s", torch.__version__, torch.version.cuda, args.device)
    started = time.monotonic()
    getattr(tasks, args.task)(args.device)
    torch.cuda.synchronize()
    log.info("finished after %.1f s", time.monotonic() - started)


if __name__ == "__main__":
    main()
