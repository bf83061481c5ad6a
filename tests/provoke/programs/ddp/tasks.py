"""What the ranks do together."""

import logging
import os
import signal
import time
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

log = logging.getLogger("tasks")


class TwoHeads(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.body = nn.Linear(16, 8)
        self.main = nn.Linear(8, classes)
        self.auxiliary = nn.Linear(8, classes)

    def forward(self, x, auxiliary=False):
        h = self.body(x).relu()
        return self.auxiliary(h) if auxiliary else self.main(h)


def samples(n=64, classes=4):
    g = torch.Generator().manual_seed(0)
    return TensorDataset(torch.randn(n, 16, generator=g), torch.randint(classes, (n,), generator=g))


def fit(model, dataset, epochs=2, before_step=None, **options):
    model = DistributedDataParallel(model, **options)
    sampler = DistributedSampler(dataset)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        for step, (x, y) in enumerate(DataLoader(dataset, 8, sampler=sampler)):
            if before_step:
                before_step(epoch, step)
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        log.info("epoch %d loss %.4f", epoch, loss.item())


class OneHead(TwoHeads):
    def __init__(self, classes=4):
        super().__init__(classes)
        del self.auxiliary


def plain(rank):
    fit(OneHead(), samples())


def heads(rank):
    fit(TwoHeads(), samples())


def uneven_model(rank):
    fit(OneHead(classes=4 + rank), samples())


def labels(rank):
    """Only the second half of the data has the new class."""
    dataset = samples()
    if rank == 1:
        dataset.tensors[1][:] = 4
    fit(OneHead(), dataset)


def shard(rank):
    path = f"shards/part-{rank:05d}.pt"
    if rank == 0:
        os.makedirs("shards", exist_ok=True)
        torch.save(samples().tensors, path)
    dist.barrier()
    log.info("reading %s", path)
    x, y = torch.load(path)
    fit(OneHead(), TensorDataset(x, y))


def vocabulary(rank):
    """Every rank looks up its own tokens."""
    table = nn.Embedding(100, 16)
    tokens = torch.arange(16) * (4 if rank < 1 else 8)
    total = table(tokens).sum()
    dist.all_reduce(total)
    log.info("sum %.3f", total.item())


def straggler(rank):
    def before_step(epoch, step):
        if rank == 1 and epoch == 1:
            log.info("refreshing the cache")
            time.sleep(40)

    fit(OneHead(), samples(), before_step=before_step)


def unequal_collectives(rank):
    """Rank 0 evaluates and reduces once more than the others."""
    fit(OneHead(), samples(), epochs=1)
    if rank == 0:
        accuracy = torch.tensor([0.5])
        log.info("reducing the accuracy")
        dist.all_reduce(accuracy)
    else:
        time.sleep(40)


def monitored(rank):
    fit(OneHead(), samples(), epochs=1)
    if rank == 1:
        time.sleep(40)
    dist.monitored_barrier(timeout=timedelta(seconds=6))


def killed(rank):
    def before_step(epoch, step):
        if rank == 1 and step == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.2)

    fit(OneHead(), samples(), before_step=before_step)


def crashed(rank):
    import ctypes

    fit(OneHead(), samples(), epochs=1)
    if rank == 1:
        ctypes.string_at(8)
    dist.barrier()


def unset(rank):
    fit(OneHead(), samples(), epochs=int(os.environ["NUM_EPOCHS"]))


def inplace(rank):
    class Gated(OneHead):
        def forward(self, x):
            h = torch.sigmoid(self.body(x))
            h += 1
            return self.main(h * torch.sigmoid(h).add_(1))

    fit(Gated(), samples())


def memory(rank):
    import numpy as np

    fit(OneHead(), samples(), epochs=1)
    if rank == 1:
        log.info("gathering all features")
        np.ones((80000, 80000))
    dist.barrier()


def gather_objects(rank):
    found = [torch.zeros(2) for _ in range(dist.get_world_size())]
    dist.all_gather(found, torch.zeros(2 + rank))


def wrong_root(rank):
    weights = torch.zeros(4)
    dist.broadcast(weights, src=4)


def no_group(rank):
    dist.destroy_process_group()
    dist.all_reduce(torch.zeros(1))


def logs_errors(rank):
    """Healthy: rank 1 meets a bad sample, reports and skips it."""

    def before_step(epoch, step):
        if rank == 1 and step == 1:
            log.error("sample 17 of shard 1 is broken (IndexError: list index out of range), skipped")

    fit(OneHead(), samples(), before_step=before_step)
