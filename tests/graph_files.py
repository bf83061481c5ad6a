"""Files of PyG graphs as torch_geometric saves them, made without it: classes of its names with its attributes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any


@contextmanager
def _stand_ins() -> Iterator[tuple[type, type]]:
    """torch_geometric's Data and GlobalStorage by name, importable while a file is written."""
    data, storage = type("Data", (), {}), type("GlobalStorage", (), {})
    data.__module__, storage.__module__ = "torch_geometric.data.data", "torch_geometric.data.storage"
    names = ("torch_geometric", "torch_geometric.data", "torch_geometric.data.data", "torch_geometric.data.storage")
    modules = {name: ModuleType(name) for name in names}
    modules[data.__module__].Data = data  # type: ignore[attr-defined]
    modules[storage.__module__].GlobalStorage = storage  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(modules)
    try:
        yield data, storage
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def save_graphs(path: Path, graphs: list[dict[str, Any]], extra: Any = None) -> None:
    """torch.save a list of Data with these attributes (x, edge_index, edge_attr, y)."""
    import torch

    with _stand_ins() as (data, storage):
        saved: list[Any] = []
        for attributes in graphs:
            graph, store = data(), storage()
            store.__dict__["_mapping"] = attributes
            graph.__dict__["_store"] = store
            saved.append(graph)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(saved if extra is None else (saved, extra), path)


def graph(nodes: int = 5, edges: int = 7, features: int = 11, largest: int = 9, label: int = 0) -> dict[str, Any]:
    """Attributes of one graph; column 0 of x holds ids up to `largest`."""
    import torch

    x = torch.rand(nodes, features)
    if nodes:
        x[:, 0] = torch.arange(nodes) % (largest + 1)
        x[-1, 0] = largest
    attributes = {"x": x, "edge_index": torch.zeros(2, edges, dtype=torch.long)}
    return attributes | {"edge_attr": torch.rand(edges, features), "y": torch.tensor([label])}
