"""Data-parallel training on gloo, started by torchrun: torchrun --nproc_per_node N train_ddp.py --task TASK"""

import argparse
import logging
import os
from datetime import timedelta

import tasks
import torch
import torch.distributed as dist

log = logging.getLogger("ddp")


def setup(args):
    dist.init_process_group(args.backend, timeout=timedelta(seconds=args.timeout))
    rank = dist.get_rank()
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s [rank {rank}] %(levelname)s %(message)s", force=True)
    torch.manual_seed(rank)
    return rank


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", required=True)
    parser.add_argument("--backend", default="gloo")
    parser.add_argument("--timeout", type=float, default=30)
    args = parser.parse_args()
    rank = setup(args)
    log.info("world size %d, local rank %s", dist.get_world_size(), os.environ.get("LOCAL_RANK"))
    getattr(tasks, args.task)(rank)
    dist.barrier()
    dist.destroy_process_group()
    log.info("finished")


if __name__ == "__main__":
    main()
