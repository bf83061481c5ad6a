"""Preprocess recordings with a pool of processes: python preprocess.py KIND"""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np


def spectrum(index):
    x = np.random.default_rng(index).standard_normal(512)
    if index == 7:
        x = x[:0]
    return float(np.abs(np.fft.rfft(x)).max())


def window(index):
    return [index // (5 - index)]


def hungry(index):
    if index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return index


def main(kind):
    print(f"preprocessing 16 recordings ({kind})", flush=True)
    if kind == "spectra":
        with ProcessPoolExecutor(2) as pool:
            print(list(pool.map(spectrum, range(16))))
    elif kind == "windows":
        with multiprocessing.Pool(2) as pool:
            print(pool.map(window, range(16)))
    elif kind == "killed":
        with ProcessPoolExecutor(2) as pool:
            print(list(pool.map(hungry, range(16))))
    elif kind == "local":

        def scaled(index):
            return index * 2

        with ProcessPoolExecutor(2) as pool:
            print(list(pool.map(scaled, range(16))))
    elif kind == "unguarded":
        import unguarded  # noqa: F401


if __name__ == "__main__":
    main(sys.argv[1])
