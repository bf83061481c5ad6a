"""The last good run: which one it is, what differs, and what the difference says about a cause."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from made_runs import CONFIG, falling, make_run, plain_weights
from repositories import commit
from whole_chain import accounting, collected, diagnosed, failed, found_in, mlflow, record

from postmortem.collect import collector
from postmortem.collect.around import differences
from postmortem.collect.logs.scan import signal_patterns
from postmortem.facts import Attempt, Checkpoint, Config, ConfigKey, GoodRun, Line, Log, Source, TensorFacts
from postmortem.project import project
from postmortem.report.render import markdown

RUN = "set_01/teacher_autoencoder"
ENDED = "2026-01-02 11:00:00 INFO Stage 'autoencoder' complete\n"
OOM = (
    "2026-01-05 10:00:00 INFO started with torch 2.3.0\n2026-01-05 10:05:00 WARNING the pool is small\n"
    'Traceback (most recent call last):\n  File "pipeline/train.py", line 2, in main\n    fit(model)\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB "
    "of which 1.10 GiB is free.\n"
)
WELL = "2026-01-02 10:00:00 INFO started with torch 2.1.0\n" + ENDED


def _good(root: Path, run: str, **config: Any) -> Path:
    return make_run(root, run, config=config, val_loss=falling(), weights=plain_weights(), stderr=WELL)


def _failed(root: Path, **config: Any) -> Path:
    return failed(make_run(root, RUN, config=config, stderr=OOM))


def _config(good: GoodRun | None) -> dict[str, tuple[str, str]]:
    assert good is not None
    return {d.name: (d.then, d.now) for d in good.differences if d.kind == "config"}


# --- which run it is -----------------------------------------------------------------------------------------------


def test_an_earlier_attempt_by_the_accounting(tmp_path: Path) -> None:
    _failed(tmp_path)
    _good(tmp_path, "set_02/teacher_autoencoder")
    logs = tmp_path / "slurm_logs"
    logs.mkdir()
    (logs / "11-teacher_autoencoder.err").write_text(WELL)
    (logs / "12-teacher_autoencoder.err").write_text(OOM)
    name = f"smk-teacher_autoencoder-{RUN.split('/')[0]}"
    rows = [("11", name, "COMPLETED", "0:0", "2026-01-02T10:00:00", "2026-01-02T11:00:00")]
    rows += [("12", name, "FAILED", "1:0", "2026-01-05T10:00:00", "2026-01-05T10:06:00")]
    good = collected(tmp_path, RUN, accounting(tmp_path, *rows)).good_run
    assert good is not None
    assert (good.run, good.relation, good.ended_at) == (RUN, "same run", "2026-01-02T11:00:00")
    assert [d.name for d in good.differences if d.kind == "package"] == ["torch"]
    assert good.new_lines[0].text == "2026-01-05 10:05:00 WARNING the pool is small"


def test_an_earlier_attempt_that_snakemake_calls_finished(tmp_path: Path) -> None:
    _failed(tmp_path)
    logs = tmp_path / "slurm_logs"
    logs.mkdir()
    (logs / "11-train.err").write_text(WELL)
    watched = project.from_config({"sacct": "off"}, tmp_path)
    found = found_in(watched)
    state = found.state_of(RUN)
    assert state is not None
    first = Attempt(1, "11", "finished", "2026-01-02T10:00:00", "2026-01-02T11:00:00", ["slurm_logs/11-train.err"])
    state.attempts = [first, Attempt(2, "12", "failed", "2026-01-05T10:00:00")]
    good = collector.collect_run(watched, state, found.all_runs, signal_patterns).good_run
    assert good is not None and (good.relation, good.ended_at) == ("same run", "2026-01-02T11:00:00")
    first.state = "failed"
    assert collector.collect_run(watched, state, found.all_runs, signal_patterns).good_run is None


def test_an_earlier_attempt_by_the_projects_database(tmp_path: Path) -> None:
    _failed(tmp_path, batch_size=4096)
    _good(tmp_path, "set_02/teacher_autoencoder")
    record(tmp_path, RUN, "complete", "2026-01-02T10:00:00", "2026-01-02T11:00:00", CONFIG | {"batch_size": 32})
    good = collected(tmp_path, RUN).good_run
    assert good is not None and good.relation == "same run" and good.ended_at == "2026-01-02T11:00:00"
    assert _config(good) == {"batch_size": ("32", "4096")}
    # the row of this very attempt is no earlier success
    record(tmp_path, RUN, "complete", "2026-01-05T10:00:00", "2026-01-05T10:06:00", CONFIG | {"batch_size": 32})
    good = collected(tmp_path, RUN).good_run
    assert good is not None and (good.run, good.relation) == ("set_02/teacher_autoencoder", "sibling")


def test_an_earlier_attempt_by_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _failed(tmp_path, batch_size=4096)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    day = int(datetime(2026, 1, 2, 10).timestamp())
    attempts = [
        ("FINISHED", day - 90_000, day - 80_000, {"batch_size": "8"}),
        ("FINISHED", day, day + 3600, {"batch_size": "32", "lr": "0.0020"}),
        ("FAILED", day + 7200, day + 7300, {"batch_size": "99"}),
        ("RUNNING", day + 3 * 86400, None, {"batch_size": "4096"}),
    ]
    mlflow(tmp_path / "mlflow.db", RUN, *attempts)
    good = collected(tmp_path, RUN).good_run
    assert good is not None and (good.relation, good.ended_at) == ("same run", "2026-01-02T11:00:00")
    assert _config(good) == {"batch_size": ("32", "4096")}, "0.0020 is 0.002"


def test_the_nearest_sibling(tmp_path: Path) -> None:
    _failed(tmp_path)
    assert collected(tmp_path, RUN).good_run is None
    for further, run in enumerate(
        ("set_02/student_autoencoder", "set_01/student_autoencoder", "set_02/teacher_autoencoder")
    ):
        _good(tmp_path, run)
        good = collected(tmp_path, RUN).good_run
        assert good is not None and (good.run, good.relation) == (run, "sibling"), further
    _good(tmp_path, "set_02/teacher_curriculum")  # another stage
    assert good.ended_at == "2026-01-02T11:00:00"


def test_a_sibling_that_did_not_go_well_is_no_example(tmp_path: Path) -> None:
    _failed(tmp_path)
    far = _good(tmp_path, "set_04/teacher_autoencoder").name
    failed(_good(tmp_path, "set_02/teacher_autoencoder"))
    make_run(tmp_path, "set_03/teacher_autoencoder", stderr=WELL)  # without its model
    make_run(tmp_path, "set_00/teacher_autoencoder", stderr=OOM, weights=plain_weights())
    weights = plain_weights()
    weights["head.weight"][:] = math.nan
    make_run(tmp_path, "set_035/teacher_autoencoder", stderr=WELL, weights=weights, val_loss=[0.5, math.nan])
    good = collected(tmp_path, RUN).good_run
    assert good is not None and good.run == f"set_04/{far}"


def test_many_failed_siblings_do_not_hide_the_good_one(tmp_path: Path) -> None:
    _failed(tmp_path)
    for number in range(30):
        failed(make_run(tmp_path, f"a_{number:02}/teacher_autoencoder", stderr=OOM))
    _good(tmp_path, "set_02/teacher_autoencoder")
    good = collected(tmp_path, RUN).good_run
    assert good is not None and good.run == "set_02/teacher_autoencoder"


# --- what differs --------------------------------------------------------------------------------------------------


def _of_config(now: dict[str, Any], then: dict[str, Any], of_sibling: bool = True) -> dict[str, tuple[str, str]]:
    config = Config(Source("config.json"), {key: ConfigKey(value, 3) for key, value in now.items()})
    return {d.name: (d.then, d.now) for d in differences.of_config(config, then, of_sibling=of_sibling)}


def test_keys_that_differ() -> None:
    now = {"lr": 50, "seed": 2, "data_dir": "/a", "run_id": "x", "new": None, "same": 1, "vgae.dropout": 0.1}
    then = {"lr": 0.002, "seed": 1, "data_dir": "/b", "run_id": "y", "old": True, "same": 1.0, "vgae.dropout": 0.2}
    expected = {
        "lr": ("0.002", "50"), "new": ("not set", "None"), "old": ("True", "not set"), "vgae.dropout": ("0.2", "0.1"),
    }  # fmt: skip
    assert _of_config(now, then) == expected
    # of the same run a path or a seed that differs was changed; a tracker may not hold all keys
    same = {"lr": ("0.002", "50"), "seed": ("1", "2"), "data_dir": ("/b", "/a"), "vgae.dropout": ("0.2", "0.1")}
    assert _of_config(now, {k: str(v) for k, v in then.items()}, of_sibling=False) == same


def test_a_path_that_only_one_of_two_siblings_has() -> None:
    assert _of_config({"teacher_path": ""}, {"teacher_path": "t.pt"}) == {"teacher_path": ("t.pt", "")}
    assert _of_config({"teacher_path": "u.pt"}, {"teacher_path": "t.pt"}) == {}


def test_secrets_that_differ_are_not_shown() -> None:
    found = _of_config({"api_key": "abcdef0123456789abcd"}, {"api_key": "99ffee0123456789abcd"}, of_sibling=False)
    assert "abcdef0123" not in str(found) and "99ffee" not in str(found) and "api_key" in found


def _log(*lines: str, role: str = "stderr") -> Log:
    return Log(Source(f"slurm.{role}"), role, lines=[Line(i, text) for i, text in enumerate(lines, 1)])


def test_versions_in_logs() -> None:
    banner = _log("PyTorch version: 2.1.0+cu118, CUDA 11.8", "2026-01-01 10:00:00 INFO numpy 1.26.4, python 3.11.2.")
    pins = _log("torch_geometric==2.5.3", "my-own_package==0.1")
    expected = {
        "torch": "2.1.0+cu118", "cuda": "11.8", "numpy": "1.26.4", "python": "3.11.2", "torch-geometric": "2.5.3",
        "my-own-package": "0.1",
    }  # fmt: skip
    assert differences.versions_in([banner, pins]) == expected
    recorded = {"torch_version": "2.1", "env.versions.torch_geometric": "2.5", "schema_version": 3, "conversion": "x"}
    assert differences.versions_in_config(recorded) == {"torch": "2.1", "torch-geometric": "2.5"}
    found = differences.of_versions({"torch": "2.3", "numpy": "1.26"}, {"torch": "2.1", "numpy": "1.26", "cuda": "12"})
    assert [(d.name, d.then, d.now) for d in found] == [("torch", "2.1", "2.3")]


def test_lines_that_no_good_run_has() -> None:
    then = _log("INFO start", "WARNING slow step 17 of set_02 in /data/set_02/x", "UserWarning: 'a' is old")
    now = _log(
        "WARNING slow step 99 of set_01 in /data/set_01/y",
        "UserWarning: 'b' is old",
        "WARNING retry 1",
        "WARNING retry 2",
    )
    lines, source = differences.of_lines([now], [then], ["set_01", "set_02"])
    assert ([(line.number, line.text) for line in lines], source) == ([(3, "WARNING retry 1")], "slurm.stderr")
    assert differences.of_lines([now], [], []) == ([], ""), "without a good log nothing is new"


def test_of_too_many_new_lines_the_telling_ones_are_kept() -> None:
    words = [chr(ord("a") + i) * 9 for i in range(20)]
    now = _log("| Name | Type |", "------", "0 | model | Net", *words, "ValueError: bad", "WARNING hot")
    lines, _ = differences.of_lines([now], [_log("start")], [])
    assert [line.text for line in lines] == [*words[:6], "ValueError: bad", "WARNING hot"]


def test_commits_since_then_that_touch_the_files_of_the_traceback(tmp_path: Path) -> None:
    old, new = "def main():\n    fit(mdl)\n", "def main():\n    fit(model)\n"
    commit(tmp_path, "2026-01-01T12:00:00", "begin", pipeline__train=old, other="1\n")
    commit(tmp_path, "2026-01-03T12:00:00", "rename", pipeline__train=new)
    commit(tmp_path, "2026-01-04T12:00:00", "elsewhere", other="2\n")
    commit(tmp_path, "2026-01-06T12:00:00", "after the failure", pipeline__train=new + "main()\n")
    _failed(tmp_path)
    _good(tmp_path, "set_02/teacher_autoencoder")
    good = collected(tmp_path, RUN).good_run
    assert good is not None
    found = [(d.name, d.now.split(" ", 1)[1]) for d in good.differences if d.kind == "code"]
    assert found == [("pipeline/train.py", "2026-01-03 Ada: rename")]


# --- the report ------------------------------------------------------------------------------------------------------


def test_the_report_shows_what_changed(tmp_path: Path) -> None:
    _failed(tmp_path, batch_size=4096)
    _good(tmp_path, "set_02/teacher_autoencoder", batch_size=32)
    diagnosis = diagnosed(tmp_path, RUN)
    assert diagnosis["root_cause"]["id"] == "gpu.oom"
    shown = markdown(diagnosis)
    section = shown.split("## What Changed Since It Last Worked")[1].split("\n## ")[0]
    assert "set_02/teacher\\_autoencoder" in section or "set_02/teacher_autoencoder" in section
    assert "- config `batch_size`: `32` then, `4096` now" in section
    assert "- package `torch`: `2.1.0` then, `2.3.0` now" in section
    assert "the pool is small" in section
    assert "batch_size 32 then, 4096 now" in shown.replace("\\_", "_").split("## Evidence")[0]


def test_a_healthy_run_is_compared_with_nothing_in_its_report(tmp_path: Path) -> None:
    _good(tmp_path, RUN)
    _good(tmp_path, "set_02/teacher_autoencoder", lr=0.003)
    diagnosis = diagnosed(tmp_path, RUN)
    assert diagnosis["status"] == "ok" and diagnosis["changed"] is None


# --- weights -------------------------------------------------------------------------------------------------------


def _model(**layers: tuple[float | None, int]) -> Checkpoint:
    """Layers by name: the root mean square of the finite values, and how many are NaN."""
    rows = [
        TensorFacts(name.replace("__", "."), [8, 4], "float32", nan, root_mean_square=size)
        for name, (size, nan) in layers.items()
    ]
    return Checkpoint(Source("best_model.pt"), tensors=rows)


def test_layers_of_another_order() -> None:
    now = _model(a=(0.1, 0), b=(9.0, 0), c=(0.2, 3), d=(0.0, 0), e=(0.1, 0), f=(None, 0), only__now=(5.0, 1))
    then = _model(a=(0.29, 0), b=(0.1, 0), c=(0.2, 0), d=(0.3, 0), e=(None, 0), f=(0.1, 0), only__then=(5.0, 1))
    assert [(d.name, d.then, d.now) for d in differences.of_weights(now, then)] == [
        ("c", "root mean square 0.2", "3 of 32 values NaN or infinite"),
        ("d", "root mean square 0.3", "root mean square 0"),
        ("b", "root mean square 0.1", "root mean square 9"),
    ]
    bias = _model(a=(50.0, 0))
    bias.tensors[0].shape = [8]
    assert differences.of_weights(bias, _model(a=(0.1, 0))) == [], "a bias goes where the data are"
    many = {f"layer_{i}": (0.1, 0) for i in range(30)}
    broken = dict.fromkeys(many, (0.1, 1))
    assert len(differences.of_weights(_model(**broken), _model(**many))) == differences.MOST_LAYERS


def test_the_report_names_the_layers_that_a_good_siblings_checkpoint_has_otherwise(tmp_path: Path) -> None:
    weights = plain_weights()
    weights["layers.0.weight"] *= 5000
    weights["head.weight"][0, 0] = math.nan
    make_run(tmp_path, RUN, stderr=ENDED, weights=weights, val_loss=[0.5, math.nan])
    failed(tmp_path / "experimentruns" / RUN)
    _good(tmp_path, "set_02/teacher_autoencoder")
    diagnosis = diagnosed(tmp_path, RUN)
    assert diagnosis["root_cause"]["id"] == "training.nan_loss"
    section = markdown(diagnosis).split("## What Changed Since It Last Worked")[1].split("\n## ")[0]
    assert "- weights `head.weight`: `root mean square 0.1" in section
    assert "`1 of 16 values NaN or infinite` now" in section
    assert "- weights `layers.0.weight`" in section and "layers.0.bias" not in section
    without = tmp_path / "experimentruns/set_02/teacher_autoencoder/best_model.pt"
    without.write_bytes(b"")
    assert "weights" not in str([d.kind for d in getattr(collected(tmp_path, RUN).good_run, "differences", [])])
