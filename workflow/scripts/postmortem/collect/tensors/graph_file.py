"""Cached graphs and their id mapping → numbers, as plain values. Runs in the helper process; nothing is unpickled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from ...files import read_bytes
from .archive import Unusable, open_archive
from .inert_pickle import Inert, Tensor, read_pickle
from .tensor_values import Values

LARGEST_MAPPING = 64 * 1024 * 1024  # bytes; 2,048 CAN ids are 12 kB
MOST_GRAPHS_READ = 2000  # graphs whose values are read, evenly spaced; of all others only the shapes
OOV_KEYS = ("OOV", "oov", "<OOV>", "<unk>", "[UNK]", "UNK")


def describe_mapping(path: str) -> dict[str, Any]:
    """{"count", "oov", "largest", "refused"} of a pickled id → index mapping, or {"problem"}."""
    file = Path(path)
    if file.stat().st_size > LARGEST_MAPPING:
        return {"problem": f"larger than {LARGEST_MAPPING // 2**20} MB"}
    try:
        reading = read_pickle(read_bytes(file, LARGEST_MAPPING))
    except (UnpicklingError, EOFError, ValueError) as error:
        return {"problem": f"no pickle that can be read: {error or type(error).__name__}"}
    if not isinstance(reading.value, dict):
        named = f"; it names {', '.join(reading.refused)}" if reading.refused else ""
        return {
            "problem": f"not a mapping but {getattr(reading.value, 'name', type(reading.value).__name__)}{named}",
            "refused": reading.refused,
        }
    indices = [value for value in reading.value.values() if isinstance(value, int)]
    oov = next((reading.value[key] for key in OOV_KEYS if isinstance(reading.value.get(key), int)), None)
    return {"count": len(reading.value), "oov": oov, "largest": max(indices, default=None), "refused": reading.refused}


def describe_graphs(path: str, id_column: int = 0) -> dict[str, Any]:
    """Fields of facts.GraphCache of a file of PyG graphs, or {"problem"}. id_column: column of x that holds ids."""
    file = Path(path)
    try:
        archive = open_archive(file)
    except Unusable as error:
        return {"problem": f"{error.problem.replace('_', ' ')}: {error.reason}"}
    graphs = list(_graphs(archive.reading.value))
    found: dict[str, Any] = {
        "graphs": len(graphs),
        "refused": archive.reading.refused,
        "empty_graphs": 0,
        "node_features": set(),
        "edge_features": set(),
        "feature_dtypes": set(),
        "largest_id": None,
        "labels": set(),
        "nan_graphs": 0,
    }
    for graph in graphs:
        x, edges, attributes = graph.get("x"), graph.get("edge_index"), graph.get("edge_attr")
        if isinstance(x, Tensor):
            found["feature_dtypes"].add(x.storage.dtype)
            if len(x.shape) == 2:
                found["node_features"].add(x.shape[1])
        if isinstance(attributes, Tensor) and len(attributes.shape) == 2:
            found["edge_features"].add(attributes.shape[1])
        without_nodes = isinstance(x, Tensor) and 0 in x.shape[:1]
        found["empty_graphs"] += without_nodes or (isinstance(edges, Tensor) and 0 in edges.shape)
    step = max(1, -(-len(graphs) // MOST_GRAPHS_READ))
    try:
        with Values(file, archive) as values:
            for graph in graphs[::step]:
                _values_of(graph, values, id_column, found)
    except Unusable as error:
        found["problem"] = error.reason
    found["sampled"] = f"values of every {step}th of {len(graphs)} graphs" if step > 1 else ""
    for name in ("node_features", "edge_features", "feature_dtypes", "labels"):
        found[name] = sorted(found[name])[:20]
    return found


def _values_of(graph: dict[str, Any], values: Values, id_column: int, found: dict[str, Any]) -> None:
    import numpy

    bad = False
    for name in ("x", "edge_attr"):
        tensor = graph.get(name)
        array = values.array(tensor) if isinstance(tensor, Tensor) else None
        if array is None or not array.size:
            continue
        bad = bad or (array.dtype.kind == "f" and not bool(numpy.isfinite(array).all()))
        if name == "x" and array.ndim == 2 and array.shape[1] > id_column:
            column = array[:, id_column]
            finite = column[numpy.isfinite(column)] if column.dtype.kind == "f" else column
            if finite.size:
                top = int(finite.max())
                found["largest_id"] = top if found["largest_id"] is None else max(found["largest_id"], top)
    label = graph.get("y")
    array = values.array(label, 10_000) if isinstance(label, Tensor) else None
    if array is not None and len(found["labels"]) < 200:
        found["labels"].update(int(v) for v in array.ravel()[:1000] if v == v and abs(float(v)) < 1e9)
    found["nan_graphs"] += bad


def _graphs(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Attributes of every PyG Data below a described value: lists, datasets, and Data's nested storage."""
    if depth > 10:
        return
    if isinstance(value, Inert):
        attributes = _attributes(value)
        if attributes is not None:
            yield attributes
            return
        yield from _graphs(value.state, depth + 1)
        yield from _graphs(value.items, depth + 1)
    elif isinstance(value, dict):
        if isinstance(value.get("x"), Tensor):
            yield value
            return
        for part in value.values():
            yield from _graphs(part, depth + 1)
    elif isinstance(value, list | tuple) and not isinstance(value, Tensor):
        for part in value:
            yield from _graphs(part, depth + 1)


def _attributes(value: Inert) -> dict[str, Any] | None:
    """x, edge_index, … of a Data: in its _store's _mapping (PyG 2) or in its own attributes (PyG 1)."""
    state = value.state
    while isinstance(state, tuple) and len(state) == 2:
        state = state[0] if isinstance(state[0], dict) else state[1]
    if not isinstance(state, dict):
        return None
    store = state.get("_store")
    inner = store.state if isinstance(store, Inert) else store
    if isinstance(inner, dict) and isinstance(inner.get("_mapping"), dict):
        mapping: dict[str, Any] = inner["_mapping"]
        return mapping
    return state if isinstance(state.get("x"), Tensor) or isinstance(state.get("edge_index"), Tensor) else None
