"""Windows of traffic as graphs."""

import torch
from torch_geometric.data import Data


def window(nodes=12, edges=40, features=11, edge_features=11, ids=50, seed=0, label=None, **more):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(nodes, features, generator=g)
    x[:, 0] = torch.randint(ids, (nodes,), generator=g).float()
    edge_index = torch.randint(nodes, (2, edges), generator=g)
    y = torch.tensor([seed % 2 if label is None else label])
    return Data(x=x, edge_index=edge_index, edge_attr=torch.randn(edges, edge_features, generator=g), y=y, **more)


def windows(n=32, **options):
    return [window(seed=i, **options) for i in range(n)]


def wide_windows():
    """The first part was preprocessed before the twelfth feature was added."""
    return windows(20) + windows(12, features=12)


def unseen_ids():
    return windows(16) + windows(16, ids=80)


def truncated_nodes():
    """Drops nodes without traffic, but keeps their edges."""
    found = windows(32)
    for data in found[20:]:
        data.x = data.x[:8]
    return found


def attack_types():
    return windows(16) + windows(16, label=3)


def partly_labelled():
    found = windows(32)
    for data in found[5:]:
        del data.y
    return found


def with_names():
    found = windows(32)
    for number, data in enumerate(found):
        if number % 2 == 0:
            data.speed = torch.ones(1)
    return found


def no_edges():
    """Windows in which each id was seen once."""
    return [window(seed=i, edges=0) for i in range(8)]


def segment(rows, size, stride):
    return [rows[start : start + size] for start in range(0, len(rows) - size + 1, stride)]


def from_short_recording():
    """60 messages in windows of 100: none."""
    return [window(seed=i) for i, _ in enumerate(segment(list(range(60)), 100, 100))]
