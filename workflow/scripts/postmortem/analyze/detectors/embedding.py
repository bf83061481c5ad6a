"""How many ids an embedding table holds, and how many the data have: the two numbers behind most id errors."""

from __future__ import annotations

from dataclasses import dataclass

from ...facts import Checkpoint, RunFacts, TensorFacts
from ..findings import Evidence
from .quoting import number, quote_checkpoint


@dataclass
class IdCount:
    """A number of ids, and the evidence that states it."""

    ids: int
    evidence: Evidence


def table_rows(checkpoint: Checkpoint) -> TensorFacts | None:
    """The id embedding of a checkpoint: a matrix whose name says so."""
    named = [
        t for t in checkpoint.tensors if "embed" in t.name.lower() and t.name.endswith("weight") and len(t.shape) == 2
    ]
    return max(named, key=lambda t: t.shape[0], default=None)


def rows_of_checkpoints(facts: RunFacts) -> list[IdCount]:
    """Rows of the embedding tables in the checkpoints that the run reads or made."""
    found = []
    for checkpoint in facts.checkpoints:
        if table := table_rows(checkpoint):
            text = f"{table.name} has {table.shape[0]} rows"
            found.append(IdCount(table.shape[0], quote_checkpoint(checkpoint, text)))
    return found


def ids_of_mapping(facts: RunFacts) -> IdCount | None:
    """Entries of the id mapping: what a new embedding table is built for."""
    cache = facts.cache
    if cache is None or cache.id_count is None or cache.mapping_source is None:
        return None
    out = f", out-of-vocabulary index {cache.oov_index}" if cache.oov_index is not None else ""
    return IdCount(cache.id_count, Evidence(cache.mapping_source.path, f"{cache.id_count} entries{out}", None, "data"))


def ids_of_graphs(facts: RunFacts) -> IdCount | None:
    """Ids that the cached graphs need: the largest one and one more; else what their metadata state."""
    cache = facts.cache
    if cache is None:
        return None
    if cache.largest_id is not None:
        text = f"largest id in the cached graphs {cache.largest_id}{f' ({cache.sampled})' if cache.sampled else ''}"
        return IdCount(cache.largest_id + 1, Evidence(cache.source.path, text, None, "data"))
    stated = number(cache.metadata.get("num_unique_ids"))
    if stated is None or cache.metadata_source is None:
        return None
    text = f'"num_unique_ids": {int(stated)}'
    return IdCount(int(stated), Evidence(cache.metadata_source.path, text, None, "data"))
