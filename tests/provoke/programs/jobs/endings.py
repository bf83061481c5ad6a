"""What follows the training: exporting, caching, sharing ... and how that can end."""

import ctypes
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path

import numpy as np


def finish(log):
    log.info("done")


def export_native(log):
    """The exporter is a C library that is given a freed buffer."""
    log.info("exporting")
    ctypes.memset(16, 0, 64)


def merge_native(log):
    log.info("merging shards")
    libc = ctypes.CDLL(None)
    buffer = libc.malloc
    buffer.restype = ctypes.c_void_p
    address = ctypes.c_void_p(buffer(64))
    libc.free(address)
    libc.free(address)


def assert_native(log):
    ctypes.CDLL(None).__assert_fail(b"size >= 0", b"src/exporter.cc", 88, b"void Exporter::flush()")


def vector_native(log):
    """Code built for another processor: an instruction that is not there."""
    import mmap

    log.info("running the AVX-512 kernel")
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\x0f\x0b")  # ud2
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()


def mapped_cache(log):
    """A memory-mapped cache that another process shortens."""
    cache = Path("cache.bin")
    cache.write_bytes(bytes(1 << 20))
    mapped = np.memmap(cache, dtype="uint8", mode="r+")
    os.truncate(cache, 0)
    log.info("sum of the cache %d", mapped.sum())


def nested_config(log):
    config = {}
    config["parent"] = config
    return depth(config)


def depth(config):
    return 1 + depth(config["parent"])


def deep_native(log):
    sys.setrecursionlimit(10**7)
    threading.stack_size(512 * 1024)
    thread = threading.Thread(target=repr_of_deep)
    thread.start()
    thread.join()


def repr_of_deep():
    tree = []
    for _ in range(10**6):
        tree = [tree]
    repr(tree)


def large_array(log):
    log.info("building the distance matrix of 60000 windows")
    distances = np.zeros((60000, 60000))
    return int(distances.sum())


def long_list(log):
    log.info("caching all windows in memory")
    windows = []
    while True:
        windows.append(bytes(16 * 2**20))


def many_threads(log):
    stop = threading.Event()
    threads = []
    try:
        for _ in range(5000):
            thread = threading.Thread(target=stop.wait)
            thread.start()
            threads.append(thread)
    finally:
        stop.set()


def many_sockets(log):
    kept = [socket.socket() for _ in range(5000)]
    log.info("opened %d", len(kept))


def own_memory_kill(log):
    log.info("loading the full training set")
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)


def save_to(log, folder="/tmp/scratch/run"):
    Path(folder).mkdir(parents=True, exist_ok=True)
    for epoch in range(20):
        path = Path(folder) / f"predictions_{epoch:03d}.npy"
        log.info("writing %s", path)
        np.save(path, np.random.default_rng(0).random(120_000))


def save_torch(log):
    import torch

    path = "/tmp/scratch/best_model.pt"
    log.info("saving %s", path)
    torch.save({"weights": torch.randn(2_000_000)}, path)


def save_text(log):
    with open("/tmp/scratch/metrics.csv", "w") as file:
        for epoch in range(200_000):
            file.write(f"{epoch},{1 / (epoch + 1)}\n")


def record(log, path="/tmp/scratch/project.db"):
    with sqlite3.connect(path, timeout=1) as db:
        db.execute("create table if not exists metrics (run text, name text, value real)")
        for epoch in range(100_000):
            db.execute("insert into metrics values (?, 'loss', ?)", (f"teacher_{'x' * 50}", 1 / (epoch + 1)))
    log.info("recorded")


def write_shared(log):
    path = Path("/opt/results/set_01/metrics.json")
    log.info("writing %s", path)
    path.write_text("{}")


def make_shared(log):
    os.makedirs("/opt/results/set_02/teacher")


def read_private(log):
    return len(Path("/opt/results/credentials.json").read_text())


def read_share(log):
    log.info("reading the windows from the share")
    with open("/tmp/share/windows.csv") as file:
        return len(file.readlines())


def save_here(log):
    Path("metrics.json").write_text("{}")


def run_tool(log):
    import subprocess

    subprocess.run(["/opt/results/convert.sh", "--all"], check=True)


def wait(log):
    log.info("waiting for the next epoch")
    time.sleep(60)


def wait_politely(log):
    """Turns SIGTERM into an exception and saves, which is usual."""

    def stop(number, frame):
        log.warning("received signal %s, saving a checkpoint", signal.Signals(number).name)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    wait(log)


def broken_sensor(log):
    values = [0.1, 0.2, None, 0.4]
    return sum(values)
