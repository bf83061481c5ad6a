"""Each kind of evidence beyond the log decides a diagnosis that the logs alone leave open, or get wrong.

Every test diagnoses one project twice through the whole chain: without the evidence and with it.
"""

from __future__ import annotations

import math
import os
import pickle
from datetime import datetime
from pathlib import Path
from typing import Any

from graph_files import graph, save_graphs
from made_runs import CONFIG, falling, make_run, plain_weights, scores
from repositories import commit
from whole_chain import accounting, diagnosed, failed, record

RUN = "set_01/teacher_autoencoder"
NEXT = "set_01/teacher_curriculum"
SILENT = "2026-01-05 10:00:00 INFO started\n2026-01-05 10:20:00 INFO epoch 19 done\n"
ENDED = "2026-01-02 11:00:00 INFO Stage 'autoencoder' complete\n"


def _cause(diagnosis: dict[str, Any]) -> str:
    return str(diagnosis["root_cause"]["id"]) if diagnosis["root_cause"] else str(diagnosis["status"])


def _sure(diagnosis: dict[str, Any]) -> float:
    return float(diagnosis["root_cause"]["confidence"])


def _quotes(diagnosis: dict[str, Any], source: str) -> list[str]:
    """What is quoted from a source other than the logs."""
    return [item["text"] for item in diagnosis["evidence"] if item["source"].endswith(source)]


def test_1_the_configuration(tmp_path: Path) -> None:
    failed(make_run(tmp_path, RUN, stderr=SILENT, val_loss=falling()))
    assert _cause(diagnosed(tmp_path, RUN)) == "unknown"
    make_run(tmp_path, RUN, stderr=SILENT, val_loss=falling(), config={"monitor_mode": "max"})
    found = diagnosed(tmp_path, RUN)
    assert _cause(found) == "config.invalid"
    assert _quotes(found, "config.json") == ['"monitor_metric": "val_loss",', '"monitor_mode": "max",']
    assert found["fix"][0]["config"] == {"monitor_mode": "min"}


def test_2_the_curves(tmp_path: Path) -> None:
    failed(make_run(tmp_path, RUN, stderr=SILENT, val_loss=falling()))
    assert _cause(diagnosed(tmp_path, RUN)) == "unknown"
    make_run(tmp_path, RUN, stderr=SILENT, val_loss=[0.8, 0.6, 0.5, math.nan, math.nan])
    found = diagnosed(tmp_path, RUN)
    assert _cause(found) == "training.nan_loss"
    assert _quotes(found, "metrics.csv")[0] == "3,39,nan"


def test_3_a_silent_failure(tmp_path: Path) -> None:
    run = "set_01/teacher_evaluation"
    log = ENDED.replace("autoencoder", "evaluation")
    make_run(tmp_path, run, stderr=log, metrics={"gat": scores(0.9, 0.95, 0.98, 0.9)})
    assert _cause(diagnosed(tmp_path, run)) == "ok"
    make_run(tmp_path, run, stderr=log, metrics={"gat": scores(0.0, 1.0, 0.98, 0.0)})
    found = diagnosed(tmp_path, run)
    assert (found["status"], _cause(found)) == ("suspect", "training.threshold")
    assert any('"f1": 0' in text for text in _quotes(found, "metrics.json"))


def test_4_a_checkpoint(tmp_path: Path) -> None:
    upstream = make_run(tmp_path, RUN, stderr=ENDED, val_loss=falling(), weights=plain_weights())
    failed(make_run(tmp_path, NEXT, stderr=SILENT))
    assert _cause(diagnosed(tmp_path, NEXT)) == "unknown"
    data = (upstream / "best_model.pt").read_bytes()
    (upstream / "best_model.pt").write_bytes(data[: len(data) // 2])
    found = diagnosed(tmp_path, NEXT)
    assert _cause(found) == "model.checkpoint_corrupt"
    assert "cut off" in " ".join(_quotes(found, "best_model.pt"))
    assert RUN in found["fix"][0]["command"]


ASSERTED = (
    "2026-01-05 10:00:00 INFO started\nTraceback (most recent call last):\n"
    '  File "pipeline/train.py", line 40, in main\n    out = model(batch)\n'
    "RuntimeError: CUDA error: device-side assert triggered\n"
)


def _cache(root: Path, ids: int, largest: int) -> None:
    folder = root / "data/cache/set_01"
    save_graphs(folder / "processed_graphs.pt", [graph(largest=largest), graph(label=1, largest=largest)])
    (folder / "id_mapping.pkl").write_bytes(pickle.dumps({i: i for i in range(ids - 1)} | {"OOV": ids - 1}))


def test_5_the_data(tmp_path: Path) -> None:
    make_run(tmp_path, RUN, stderr=ENDED, val_loss=falling(), weights=plain_weights(ids=30))
    failed(make_run(tmp_path, NEXT, stderr=ASSERTED))
    _cache(tmp_path, 30, 29)
    without = diagnosed(tmp_path, NEXT)
    assert _cause(without) == "gpu.device_assert"
    _cache(tmp_path, 30, 41)
    found = diagnosed(tmp_path, NEXT)
    assert _cause(found) == "data.id_out_of_range"
    assert "42" in found["root_cause"]["explanation"] and "30" in found["root_cause"]["explanation"]
    assert "gpu.device_assert" in [item["id"] for item in found["findings"] if item["explained_by"]]


def test_6_a_tracker(tmp_path: Path) -> None:
    failed(make_run(tmp_path, RUN, stderr=SILENT + "Killed\n", val_loss=falling()))
    without = diagnosed(tmp_path, RUN)
    record(tmp_path, RUN, "running", "2026-01-05T10:00:00", None, CONFIG)
    found = diagnosed(tmp_path, RUN)
    assert _cause(found) == _cause(without) and _sure(found) > _sure(without)
    assert "the tracker's record" in found["root_cause"]["confirmed_by"]
    # one that recorded the end was not killed: the tracker confirms nothing
    record(tmp_path, RUN, "failed", "2026-01-05T10:00:00", "2026-01-05T10:20:00", CONFIG)
    assert _sure(diagnosed(tmp_path, RUN)) == _sure(without)


def test_7_the_runs_that_it_needs(tmp_path: Path) -> None:
    missing = "experimentruns/set_01/teacher_autoencoder/best_model.pt"
    line = f"FileNotFoundError: [Errno 2] No such file or directory: '{missing}'\n"
    failed(make_run(tmp_path, NEXT, stderr=SILENT + line))
    without = diagnosed(tmp_path, NEXT)
    assert _cause(without) == "model.checkpoint_missing" and not without["root_cause"]["upstream_run"]
    failed(make_run(tmp_path, RUN, stderr=SILENT + "RuntimeError: CUDA out of memory\n"))
    found = diagnosed(tmp_path, NEXT)
    assert (_cause(found), found["root_cause"]["upstream_run"]) == ("workflow.upstream_failed", RUN)
    assert found["fix"][0]["file"] == missing


def test_8_the_last_good_run(tmp_path: Path) -> None:
    line = (
        "RuntimeError: Early stopping conditioned on metric `val_auc` which is not available. Pass in or modify your "
    )
    line += "`EarlyStopping` callback to use any of the following: `train_loss`, `val_loss`\n"
    failed(make_run(tmp_path, RUN, stderr=SILENT + line, config={"monitor_metric": "val_auc", "monitor_mode": "max"}))
    without = diagnosed(tmp_path, RUN)
    assert _cause(without) == "training.monitor_missing"
    record(tmp_path, RUN, "complete", "2026-01-02T10:00:00", "2026-01-02T11:00:00", CONFIG)
    found = diagnosed(tmp_path, RUN)
    assert _cause(found) == "training.monitor_missing" and _sure(found) > _sure(without)
    said = f"differs from the last good run {RUN}: monitor_metric val_loss then, val_auc now; monitor_mode min "
    said += "then, max now"
    assert said in found["root_cause"]["confirmed_by"]
    assert [d["name"] for d in found["changed"]["differences"]] == ["monitor_metric", "monitor_mode"]


MODEL = """class Model:
    def __init__(self):
        self.embedding = 1

    def forward(self):
        return self.embeding
"""
MISSING = (
    "2026-01-05 10:00:00 INFO started\nTraceback (most recent call last):\n"
    '  File "pipeline/model.py", line 6, in forward\n    return self.embeding\n'
    "AttributeError: 'Model' object has no attribute 'embeding'\n"
)


def test_9_the_code(tmp_path: Path) -> None:
    failed(make_run(tmp_path, RUN, stderr=MISSING))
    make_run(tmp_path, "set_02/teacher_autoencoder", stderr=ENDED, val_loss=falling(), weights=plain_weights())
    without = diagnosed(tmp_path, RUN)
    assert _cause(without) == "code.bug" and "embedding" not in str(without["fix"])
    commit(tmp_path, "2026-01-01T12:00:00", "begin", pipeline__model=MODEL.replace("embeding", "embedding"))
    commit(tmp_path, "2026-01-03T12:00:00", "shorter", pipeline__model=MODEL)
    found = diagnosed(tmp_path, RUN)
    assert _cause(found) == "code.bug"
    culprit = found["code"][0]["changed_by"][:7]
    said = f" Perhaps embedding was meant. It worked before {culprit} changed it: look at what that did."
    edit, look = found["fix"][:2]
    assert edit["diff"].splitlines()[-2:] == ["-        return self.embeding", "+        return self.embedding"]
    assert look["text"].startswith("In pipeline/model.py:6 ") and look["text"].endswith(said)
    assert look["command"] == f"git show {culprit} -- pipeline/model.py"
    assert [(fix["file"], fix["line"]) for fix in (edit, look)] == [("pipeline/model.py", 6)] * 2
    assert found["code"][0]["changed_by"].endswith("2026-01-03, Ada: shorter")
    # the line was changed since a run of this stage went well: that is a second witness
    assert "pipeline/model.py, line 6, was changed since" in found["root_cause"]["confirmed_by"][-1]
    assert _sure(found) > _sure(without)


def test_10_a_hypothesis_is_tested(tmp_path: Path) -> None:
    log = "2026-01-05 10:00:00 INFO started\n"
    log += "slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 2026-01-05T16:00:00 DUE TO TIME LIMIT ***\n"
    directory = failed(make_run(tmp_path, RUN, stderr=log, val_loss=falling(20), config={"max_epochs": 100}))
    row = ("12", "smk-teacher_autoencoder-set_01", "TIMEOUT", "0:0", "2026-01-05T10:00:00", "2026-01-05T16:00:00")
    table = accounting(tmp_path, row)

    def written(time: str) -> dict[str, Any]:
        moment = datetime.fromisoformat(time).timestamp()
        for name in ("slurm.err", "slurm.out"):
            os.utime(directory / name, (moment, moment))
        return diagnosed(tmp_path, RUN, table)

    slow, hung = written("2026-01-05T15:59:00"), written("2026-01-05T12:20:00")
    assert _cause(slow) == _cause(hung) == "slurm.timeout"
    assert "20 of 100 epochs were done in 6 h" in slow["root_cause"]["explanation"]
    assert "about 30 h" in slow["root_cause"]["explanation"] and "2160 minutes" in slow["fix"][0]["text"]
    assert "last 3 h 40 min of 6 h" in hung["root_cause"]["explanation"]
    assert "py-spy" in hung["fix"][0]["text"]


LOCKED = 'Traceback (most recent call last):\n  File "{}/track.py", line 1, in go\n    run()\n'
LOCKED += "sqlite3.OperationalError: database is locked\n"


def test_11_what_would_stop_the_next_run_is_cleared_away_first(tmp_path: Path) -> None:
    """The first fix of one failure repeats another, unless the cache that stops any run goes first."""
    values = {"db_timeout": 0.5}
    failed(make_run(tmp_path, RUN, stderr=LOCKED.format(tmp_path), config=values))
    record(tmp_path, RUN, "complete", "2026-01-02T10:00:00", "2026-01-02T11:00:00", {**CONFIG, "db_timeout": 30})
    command = diagnosed(tmp_path, RUN)["fix"][0]["command"]
    assert "--db-timeout 30" in command and "rm -r" not in command
    dataset = RUN.split("/")[0]
    save_graphs(tmp_path / "data/cache" / dataset / "processed_graphs.pt", [graph(features=10)])
    first = diagnosed(tmp_path, RUN)["fix"][0]
    assert first["command"] == f"rm -r data/cache/{dataset} && {command}"
    assert "10 node features" in first["text"]
