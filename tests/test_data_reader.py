"""Cached graphs, id mappings and CSV directories: read without running anything, and judged."""

from __future__ import annotations

import json
import math
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from graph_files import graph, save_graphs
from made_runs import curve_of, facts_of, make_run, project, run_state

from postmortem.analyze.detectors import data as detector
from postmortem.analyze.findings import HINT
from postmortem.collect.files import data as reader
from postmortem.collect.files.csv_directory import read_csv_directory
from postmortem.collect.files.data import read_cache
from postmortem.collect.tensors.helper import Helper
from postmortem.facts import ABSENT, READ, UNREADABLE, Checkpoint, GraphCache, RunFacts, Source, TensorFacts


def _cache(folder: Path, graphs: list[dict[str, Any]], mapping: Any = None, **metadata: Any) -> GraphCache:
    save_graphs(folder / "processed_graphs.pt", graphs)
    ids = {i: i for i in range(10)} | {"OOV": 10} if mapping is None else mapping
    (folder / "id_mapping.pkl").write_bytes(pickle.dumps(ids))
    (folder / "cache_metadata.json").write_text(
        json.dumps({"num_graphs": len(graphs), "num_unique_ids": 11} | metadata)
    )
    return read_cache(folder, folder.parent)


def test_what_a_cache_holds(tmp_path: Path) -> None:
    graphs = [graph(), graph(label=1), graph(nodes=0, edges=0), graph(features=10)]
    graphs[1]["x"][2, 3] = math.nan
    cache = _cache(tmp_path / "cache", graphs)
    assert (cache.graphs, cache.empty_graphs, cache.nan_graphs, cache.largest_id) == (4, 1, 1, 9)
    assert (cache.node_features, cache.edge_features, cache.labels) == ([10, 11], [10, 11], [0, 1])
    assert (cache.id_count, cache.oov_index, cache.metadata["num_unique_ids"]) == (11, 10, 11)
    assert cache.feature_dtypes == ["float32"] and cache.source.state == READ


def test_numpy_integers_in_a_mapping(tmp_path: Path) -> None:
    import numpy

    cache = _cache(tmp_path / "cache", [graph()], {numpy.int64(300): numpy.int64(0), "OOV": numpy.int32(1)})
    assert (cache.id_count, cache.oov_index) == (2, 1)


class Hostile:
    """Unpickling this runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def test_a_mapping_and_graphs_that_would_run_a_command(tmp_path: Path) -> None:
    proof, folder = tmp_path / "was-run", tmp_path / "cache"
    save_graphs(folder / "processed_graphs.pt", [graph()], extra=Hostile(f"touch {proof}"))
    (folder / "id_mapping.pkl").write_bytes(pickle.dumps({1: Hostile(f"touch {proof}"), "OOV": 1}))
    cache = read_cache(folder, tmp_path)
    assert not proof.exists()
    assert cache.graphs == 1
    facts = facts_of(state="failed")
    facts.cache = cache
    causes = [f.root_cause for f in detector.detect(facts) if "would run code" in f.title]
    assert len(causes) == 2 and all("posix.system" in cause for cause in causes)
    pickle.loads((folder / "id_mapping.pkl").read_bytes())
    assert proof.exists(), "the file would have run the command"


def test_a_mapping_that_is_none_and_files_that_are_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "id_mapping.pkl").write_bytes(pickle.dumps([1, 2]))
    (folder / "cache_metadata.json").write_text('{"num_graphs": ')
    cache = read_cache(folder, tmp_path)
    assert cache.source.state == ABSENT
    assert cache.mapping_source and cache.mapping_source.state == UNREADABLE
    assert cache.metadata_source and "invalid JSON" in cache.metadata_source.reason
    (folder / "processed_graphs.pt").write_bytes(b"PK\x03\x04 cut off")
    assert "truncated" in read_cache(folder, tmp_path).source.reason


@pytest.mark.slow
def test_sixty_thousand_graphs_stay_under_the_limit_of_memory(tmp_path: Path) -> None:
    shared = graph(nodes=2, edges=2)
    save_graphs(tmp_path / "processed_graphs.pt", [{k: v.clone() for k, v in shared.items()} for _ in range(60_000)])
    helper = Helper(time_limit=300)  # by the clock on the wall, which a busy machine may need here
    found = helper.ask("graphs", path=str(tmp_path / "processed_graphs.pt"))
    assert found["graphs"] == 60_000 and "of 60000 graphs" in found["sampled"]
    peak = int(Path(f"/proc/{helper._process.pid}/status").read_text().split("VmHWM:")[1].split()[0])  # type: ignore[union-attr]
    assert peak < 400 * 1024, f"{peak} kB"
    helper.close()


# --- CSV ------------------------------------------------------------------------------------------------------------

COLUMNS = {"timestamp": "float64", "arbitration_id": "str", "attack": "int"}
HEADER = "timestamp,arbitration_id,attack\n"


def _csv(folder: Path, **files: str) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return read_csv_directory(folder, folder.parent, COLUMNS)


def test_csv_files(tmp_path: Path) -> None:
    split = _csv(
        tmp_path / "train",
        a=HEADER + "0.1,02C0,0\n" * 30,
        b=HEADER,
        c="",
        d=HEADER + "0.1,FF,R\n0.2,FF,1\nnan,1,0\n0.4\n",
    )
    assert (split.files, split.header_only, split.empty_files) == (4, ["train/b.csv"], ["train/c.csv"])
    assert split.columns == ["timestamp", "arbitration_id", "attack"]
    assert split.rows == 34
    assert split.bad_values == [
        "train/d.csv:2: column attack holds 'R', not an integer",
        "train/d.csv:4: column timestamp holds 'nan', not a number",
        "train/d.csv:5: 1 columns instead of 3",
    ]


def test_large_files_are_sampled_and_their_rows_estimated(tmp_path: Path) -> None:
    split = _csv(tmp_path / "train", a=HEADER + "0.1,02C0,0\n" * 100_000)
    assert split.rows is not None and abs(split.rows - 100_000) < 1000
    assert "64 KiB" in split.sampled


def test_a_run_finds_its_data_by_the_catalogue(tmp_path: Path) -> None:
    make_run(tmp_path, "set_01/teacher_autoencoder")
    catalogue = (
        "set_01:\n  csv_dir: data/cars/set_01\n  domain: cars\n  train_subdir: train\n  test_subdirs: [test_01]\n"
        "  csv_columns: {attack: int}\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data/datasets.yaml").write_text(catalogue)
    _csv(tmp_path / "data/cars/set_01/train", a="x,attack\n1,R\n")
    _cache(tmp_path / "data/cache/set_01", [graph()])
    facts = facts_of(state="failed")
    reader.read(project(tmp_path), run_state(tmp_path, facts.run), facts)
    assert [(split.source.path, split.source.state) for split in facts.data] == [
        ("data/cars/set_01/train", READ),
        ("data/cars/set_01/test_01", ABSENT),
    ]
    assert facts.cache and facts.cache.graphs == 1
    assert any("test_01" in note for note in facts.not_checked)
    found = [f for f in detector.detect(facts) if f.id == "data.malformed"]
    assert (found[0].evidence[0].source, found[0].evidence[0].line) == ("data/cars/set_01/train/a.csv", 2)


# --- judgements -----------------------------------------------------------------------------------------------------


def _judged(facts: RunFacts) -> dict[str, Any]:
    return {finding.id: finding for finding in detector.detect(facts) if finding.role != HINT}


def _with_cache(tmp_path: Path, graphs: list[dict[str, Any]], state: str = "failed", **metadata: Any) -> RunFacts:
    facts = facts_of(state=state)
    facts.cache = _cache(tmp_path / "cache", graphs, **metadata)
    return facts


def test_good_data_are_silent(tmp_path: Path) -> None:
    assert detector.detect(_with_cache(tmp_path, [graph(), graph(label=1)])) == []


def test_ids_beyond_the_mapping_and_beyond_the_table(tmp_path: Path) -> None:
    finding = _judged(_with_cache(tmp_path, [graph(largest=42)]))["data.id_out_of_range"]
    assert "43 ids" in finding.root_cause and "has 11" in finding.root_cause
    again = "python -m pipeline.cli autoencoder --config experimentruns/set_01/teacher_autoencoder/config.json"
    assert finding.fix[0].command == f"rm -r data/cache/set_01 && {again}"
    facts = _with_cache(tmp_path, [graph(largest=9)])
    table = TensorFacts("id_embedding.weight", [5, 8])
    facts.checkpoints = [Checkpoint(Source("up.pt"), "upstream", tensors=[table], tensor_count=1)]
    assert "id_embedding.weight has 5 rows" in _judged(facts)["data.id_out_of_range"].root_cause
    table.shape = [10, 8]
    assert _judged(facts) == {}


@pytest.mark.parametrize(
    ("graphs", "metadata", "cause"),
    [
        ([graph(features=10)], {}, "data.feature_mismatch"),
        ([], {}, "data.empty"),
        ([graph(nodes=0, edges=0)] * 2, {}, "data.empty"),
        ([graph(), graph(label=7)], {}, "data.label_out_of_range"),
        ([graph() | {"x": graph()["x"].double()}], {}, "training.dtype_mismatch"),
    ],
)
def test_data_that_do_not_fit(
    tmp_path: Path, graphs: list[dict[str, Any]], metadata: dict[str, Any], cause: str
) -> None:
    assert list(_judged(_with_cache(tmp_path, graphs, **metadata))) == [cause]
    # a run that ended well has coped with them
    assert _judged(_with_cache(tmp_path, graphs, "complete", **metadata)) == {}


def test_nan_in_the_data_explains_a_nan_loss(tmp_path: Path) -> None:
    bad = graph()
    bad["edge_attr"][0, 0] = math.inf
    facts = _with_cache(tmp_path, [graph(), bad], "suspect")
    assert _judged(facts) == {}, "the loss is fine"
    facts.curves = [curve_of("val_loss", [math.nan])]
    finding = _judged(facts)["data.malformed"]
    assert "1 of 2 cached graphs" in finding.root_cause and "training.nan_loss" in finding.explains


def test_metadata_of_other_graphs_are_a_hint(tmp_path: Path) -> None:
    facts = _with_cache(tmp_path, [graph()], num_graphs=5, window_size=50)
    hints = [f for f in detector.detect(facts) if f.role == HINT]
    assert "num_graphs is 5, the cache holds 1" in hints[0].root_cause
    assert "window_size is 50, 100 is expected" in hints[0].root_cause
