"""Join a process group without torchrun: python alone.py"""

import argparse
import os
import socket
from datetime import timedelta

import torch
import torch.distributed as dist


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--init", default="env://")
    parser.add_argument("--rank", type=int, default=-1)
    parser.add_argument("--world-size", type=int, default=-1)
    parser.add_argument("--busy", action="store_true", help="another training of the same user holds the port")
    args = parser.parse_args()
    print("torch", torch.__version__, "joining", args.init, flush=True)
    if args.busy:
        other = socket.create_server(("127.0.0.1", int(os.environ["MASTER_PORT"])))
        print("other training", other.getsockname(), flush=True)
    dist.init_process_group("gloo", args.init, timedelta(seconds=8), rank=args.rank, world_size=args.world_size)
    dist.barrier()


if __name__ == "__main__":
    main()
