"""The same with torch.multiprocessing.spawn: python pool.py"""

import os

import tasks
import torch.distributed as dist
import torch.multiprocessing as mp


def worker(rank, world_size, task):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29513")
    dist.init_process_group("gloo", rank=rank, world_size=world_size)
    getattr(tasks, task)(rank)


if __name__ == "__main__":
    import sys

    mp.spawn(worker, args=(2, sys.argv[1]), nprocs=2)
