"""A script without `if __name__ == "__main__"`."""

import multiprocessing

import numpy as np

context = multiprocessing.get_context("spawn")
worker = context.Process(target=np.linalg.norm, args=(np.ones(3),))
worker.start()
worker.join()
if worker.exitcode:
    raise SystemExit(worker.exitcode)
