"""Two ranks of NCCL that meet on one node: ranks.py TASK"""

import os
import sys
from datetime import timedelta

import torch
import torch.distributed as dist

rank = int(os.environ["RANK"])
if sys.argv[1] == "same_device":
    torch.cuda.set_device(0)
else:
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
dist.init_process_group("nccl", timeout=timedelta(seconds=20))
x = torch.ones(4, device="cuda") * rank
dist.all_reduce(x)
print(f"rank {rank}: {x.tolist()}", flush=True)
dist.destroy_process_group()
