"""Sorts, until something outside ends it."""

import os
import signal
import sys

print("sorting", sys.argv[1], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
