"""From captures to graphs: one graph per window, a node per CAN id, an edge per pair of ids that follow each other.

The graphs are cached in data/cache/<dataset>/. To make a cache by hand:
python -m pipeline.graphs hatch [--node-feature-dim 11]
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import pickle
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from pipeline.config import Config

log = logging.getLogger("pipeline.graphs")
VERSION = "2"
Graph = dict[str, torch.Tensor]
Ids = dict[str, int]
Frame = tuple[float, str, list[int], int]


def read_frames(path: Path) -> list[Frame]:
    """The frames of one capture file: time, id, payload bytes, attack."""
    with path.open(newline="") as handle:
        return [
            (
                float(row["Timestamp"]),
                row["arbitration_id"],
                list(bytes.fromhex(row["data_field"])),
                int(row["attack"]),
            )
            for row in csv.DictReader(handle)
        ]


def window_graph(frames: list[Frame], index_of: Callable[[str], int]) -> Graph:
    """The graph of one window. Column 0 of `x` is the id's index, the other ten describe its traffic."""
    names = sorted({frame[1] for frame in frames})
    place = {name: number for number, name in enumerate(names)}
    payloads: dict[int, list[list[int]]] = defaultdict(list)
    steps: dict[tuple[int, int], list[tuple[float, list[int]]]] = defaultdict(list)
    for position, (stamp, name, data, _) in enumerate(frames):
        payloads[place[name]].append(data)
        if position:
            before = frames[position - 1]
            steps[place[before[1]], place[name]].append((stamp - before[0], data))
    x = []
    for name, number in place.items():
        seen = payloads[number]
        means = [sum(column) / len(seen) / 255 for column in zip(*seen, strict=True)]
        jumps = [abs(a - b) for one, next_one in pairwise(seen) for a, b in zip(one, next_one, strict=True)]
        restless = sum(jumps) / max(1, len(jumps)) / 255
        x.append([float(index_of(name)), *means, len(seen) / len(frames), restless])
    edge_attr = []
    for hops in steps.values():
        gaps = [gap for gap, _ in hops]
        means = [sum(column) / len(hops) / 255 for column in zip(*(data for _, data in hops), strict=True)]
        edge_attr.append([len(hops) / len(frames), sum(gaps) / len(gaps) * 1000, max(gaps) * 1000, *means])
    return {
        "x": torch.tensor(x),
        "edge_index": torch.tensor(list(steps), dtype=torch.long).T.contiguous(),
        "edge_attr": torch.tensor(edge_attr),
        "y": torch.tensor([int(any(frame[3] for frame in frames))]),
    }


def windows(frames: list[Frame], config: Config) -> list[list[Frame]]:
    """Slices of `window_size` frames, `stride` apart; an incomplete last one is left out."""
    starts = range(0, len(frames) - config.window_size + 1, config.stride)
    return [frames[start : start + config.window_size] for start in starts]


def csv_files(config: Config, kind: str) -> list[Path]:
    """The capture files of a dataset, `kind` being train or test."""
    root = Path("data") / config.modality / config.dataset
    folders = sorted(each for each in root.iterdir() if each.name.startswith(kind))
    return [path for folder in folders for path in sorted(folder.glob("*.csv"))]


def id_lookup(ids: Ids, unseen: str) -> Callable[[str], int]:
    """How an id becomes an index: unseen ones share the OOV row, or (`grow`) get a new index each."""

    def index_of(name: str) -> int:
        if unseen == "grow":
            return ids.setdefault(name, len(ids))
        return ids.get(name, ids["OOV"])

    return index_of


def build_cache(config: Config, folder: Path) -> None:
    """Read all training captures and write the cache whole; another run may be doing the same."""
    files = csv_files(config, "train")
    log.info("building the cache of %s from %d files", config.dataset, len(files))
    captures = [read_frames(path) for path in files]
    names = sorted({frame[1] for frames in captures for frame in frames})
    ids: Ids = {name: number for number, name in enumerate(names)}
    ids["OOV"] = len(ids)
    index_of = id_lookup(ids, "oov")
    graphs = [window_graph(window, index_of) for frames in captures for window in windows(frames, config)]
    for graph in graphs:
        graph["x"] = graph["x"][:, : config.node_feature_dim]
    metadata = {
        "dataset": config.dataset,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "window_size": config.window_size,
        "stride": config.stride,
        "num_graphs": len(graphs),
        "num_unique_ids": len(ids),
        "node_feature_dim": config.node_feature_dim,
        "edge_feature_dim": config.edge_feature_dim,
        "source_csv_count": len(files),
        "preprocessing_version": VERSION,
        "torch_version": torch.__version__,
    }
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / "processed_graphs.pt", lambda path: torch.save(graphs, path))
    replace_file(folder / "id_mapping.pkl", lambda path: path.write_bytes(pickle.dumps(ids)))
    replace_file(folder / "cache_metadata.json", lambda path: path.write_text(json.dumps(metadata, indent=2) + "\n"))


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    write(part)
    part.replace(path)


def load_cache(config: Config) -> tuple[list[Graph], Ids]:
    """The training graphs and the id mapping; the cache is made again if the captures or the windows changed."""
    folder = Path("data") / "cache" / config.dataset
    wanted = {"window_size": config.window_size, "stride": config.stride, "preprocessing_version": VERSION}
    wanted["source_csv_count"] = len(csv_files(config, "train"))
    found = {}
    if (folder / "cache_metadata.json").exists():
        found = json.loads((folder / "cache_metadata.json").read_text())
    differing = [f"{key} {found.get(key)} -> {value}" for key, value in wanted.items() if found.get(key) != value]
    if differing:
        log.info("the cache does not fit: %s", ", ".join(differing))
        build_cache(config, folder)
    graphs = torch.load(folder / "processed_graphs.pt", weights_only=True)
    ids = pickle.loads((folder / "id_mapping.pkl").read_bytes())
    log.info("%d graphs with %d ids", len(graphs), len(ids))
    return graphs, ids


def evaluation_graphs(config: Config, ids: Ids) -> dict[str, list[Graph]]:
    """The graphs of each test folder. They are not cached: each is used once."""
    index_of = id_lookup(dict(ids), config.unseen_ids)
    scenarios: dict[str, list[Graph]] = defaultdict(list)
    for path in csv_files(config, "test"):
        scenarios[path.parent.name] += [window_graph(each, index_of) for each in windows(read_frames(path), config)]
    return scenarios


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--node-feature-dim", type=int, default=11)
    args = parser.parse_args()
    config = Config(dataset=args.dataset, node_feature_dim=args.node_feature_dim)
    build_cache(config, Path("data") / "cache" / args.dataset)


if __name__ == "__main__":
    main()
