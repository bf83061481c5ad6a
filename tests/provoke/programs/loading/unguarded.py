"""A script without `if __name__ == "__main__"`."""

import multiprocessing

import numpy as np

multiprocessing.set_start_method("spawn")
queue = multiprocessing.Queue()
worker = multiprocessing.Process(target=np.linalg.norm, args=(np.ones(3),))
worker.start()
worker.join()
if worker.exitcode:
    raise SystemExit(worker.exitcode)
