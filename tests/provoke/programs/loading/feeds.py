"""Datasets that read, decode and augment."""

import ctypes
import os
import signal
import threading
import time
from multiprocessing import shared_memory

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset


class Signals(Dataset):
    """Random signals; `decode` is what the kinds of signals do differently."""

    def __init__(self, n=64, length=256):
        self.n, self.length = n, length

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        return self.decode(index, rng.standard_normal(self.length).astype("float32"))

    def decode(self, index, x):
        return {"x": torch.from_numpy(x)}


class Ragged(Signals):
    def decode(self, index, x):
        return {"x": torch.from_numpy(x[: 200 + index])}


class Optional(Signals):
    """Decodes to None where the recording is silent."""

    def decode(self, index, x):
        return None if index == 13 else super().decode(index, x)


class SomeKeys(Signals):
    def decode(self, index, x):
        found = super().decode(index, x)
        if index % 5 == 0:
            found["bbox"] = torch.zeros(4)
        return found


class KeysLost(Signals):
    def decode(self, index, x):
        found = super().decode(index, x)
        if index % 8 == 0:
            found["speaker"] = index
        return found


class Sliding(Signals):
    def decode(self, index, x):
        start = x.shape[0] - 16 * index
        return {"x": torch.from_numpy(x[start : start + 64] / x[start])}


class Folder(Signals):
    def decode(self, index, x):
        with open(f"recordings/{index:05d}.wav", "rb") as file:
            return {"x": torch.frombuffer(file.read(), dtype=torch.float32)}


class Leaky(Signals):
    """Keeps every window it has seen."""

    cache = []

    def decode(self, index, x):
        self.cache.append(np.ones(24 * 2**20))  # 192 MiB
        return super().decode(index, x)


class Large(Signals):
    def __init__(self):
        super().__init__(n=32, length=2_000_000)


class Ring(Signals):
    """Hands decoded signals over in a ring buffer in shared memory."""

    def __init__(self):
        super().__init__()
        self.ring = None

    def decode(self, index, x):
        if self.ring is None:
            self.ring = shared_memory.SharedMemory(create=True, size=256 * 2**20)
            self.slots = np.ndarray((64, 2**20), dtype="float32", buffer=self.ring.buf)
        self.slots[index] = x[0]
        return {"x": torch.from_numpy(self.slots[index][:256].copy())}


class Native(Signals):
    """Decodes with a library in C, which reads behind the end of a broken recording."""

    def decode(self, index, x):
        if index == 11:
            ctypes.string_at(0)
        return super().decode(index, x)


class Watched(Signals):
    """Something outside kills the worker."""

    def decode(self, index, x):
        if index == 11:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().decode(index, x)


class Slow(Signals):
    def decode(self, index, x):
        if index >= 32:
            time.sleep(60)
        return super().decode(index, x)


class WithLock(Signals):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class WithHandle(Signals):
    def __init__(self):
        super().__init__()
        self.source = open(__file__)


class Counted(Signals):
    def __len__(self):
        return "64"


class NoLength(Dataset):
    def __getitem__(self, index):
        return torch.zeros(4)


class Stream(IterableDataset):
    def __iter__(self):
        yield from torch.randn(64, 8)


class Retrying(Signals):
    """Healthy: the share is slow now and then, and the second try succeeds."""

    def decode(self, index, x):
        for attempt in (1, 2, 3):
            try:
                if attempt == 1 and index % 7 == 3:
                    raise OSError(110, "Connection timed out", f"/data/share/{index:05d}.npy")
                return super().decode(index, x)
            except OSError as error:
                print(f"WARNING: read failed (attempt {attempt} of 3), retrying: {error}", flush=True)
        raise RuntimeError("unreachable")


def many_tensors():
    return [torch.zeros(4) for _ in range(3000)], {"collate_fn": list_of_clones}


def list_of_clones(items):
    return {"x": torch.stack(items), "raw": [item.clone() for item in items for _ in range(40)]}


def holds_batches():
    return Signals(n=512), {"collate_fn": list_of_parts}


def list_of_parts(items):
    parts = [torch.ones(2) for _ in range(200)]
    KEPT.append(parts)
    return {"x": torch.stack([item["x"] for item in items]), "parts": parts}


KEPT = []

FEEDS = {
    "plain": lambda: (Signals(), {}),
    "ragged": lambda: (Ragged(), {}),
    "optional": lambda: (Optional(), {}),
    "some-keys": lambda: (SomeKeys(), {"shuffle": False}),
    "keys-lost": lambda: (KeysLost(), {}),
    "sliding": lambda: (Sliding(), {}),
    "folder": lambda: (Folder(), {}),
    "leaky": lambda: (Leaky(), {}),
    "large": lambda: (Large(), {}),
    "ring": lambda: (Ring(), {}),
    "native": lambda: (Native(), {}),
    "watched": lambda: (Watched(), {}),
    "slow": lambda: (Slow(), {}),
    "augmented": lambda: (Signals(), {"collate_fn": lambda items: torch.stack([i["x"] * 2 for i in items])}),
    "locked": lambda: (WithLock(), {}),
    "handle": lambda: (WithHandle(), {}),
    "counted": lambda: (Counted(), {}),
    "no-length": lambda: (NoLength(), {}),
    "stream": lambda: (Stream(), {"shuffle": True}),
    "prefetch": lambda: (Signals(), {"prefetch_factor": 4}),
    "none": lambda: (Signals(n=0), {"shuffle": True}),
    "retrying": lambda: (Retrying(), {}),
    "many": many_tensors,
    "parts": holds_batches,
}
