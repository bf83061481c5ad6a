"""Another user's program: holds all but a little of the device's memory, and says when it does."""

import sys
import time

import torch

free, total = torch.cuda.mem_get_info()
held = torch.empty(int(free - float(sys.argv[1]) * 2**30), dtype=torch.uint8, device="cuda")
open("held", "w").close()
time.sleep(600)
