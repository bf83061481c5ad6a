"""Curves from metrics.csv, TensorBoard event files and progress bars."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from made_runs import make_run
from timing import LINEAR, growth

from postmortem.collect.files.curves import newest_version, read_curves
from postmortem.collect.files.event_file import read_event_file
from postmortem.collect.files.metrics import read_metrics
from postmortem.collect.files.metrics_csv import read_metrics_csv
from postmortem.collect.files.progress import read_progress
from postmortem.collect.files.series import MOST_POINTS
from postmortem.facts import PARTIAL, READ


def _csv(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.csv").write_text(text)
    return folder / "metrics.csv"


def test_the_first_value_that_is_no_number_has_its_line(tmp_path: Path) -> None:
    path = _csv(tmp_path, "epoch,step,train_loss,val_loss\n0,23,,0.81\n1,47,,0.75\n2,49,nan,\n2,71,,inf\n3,95,,0.5\n")
    curves = {curve.metric: curve for curve in read_metrics_csv(path, tmp_path)}
    assert (curves["train_loss"].first_nonfinite_step, curves["train_loss"].first_nonfinite_line) == (49, 4)
    assert (
        curves["val_loss"].first_nonfinite_text
        == path.read_text().splitlines()[curves["val_loss"].first_nonfinite_line - 1]
    )
    assert curves["val_loss"].points[2] == [71, "inf"]
    assert (curves["val_loss"].count, curves["val_loss"].minimum, curves["val_loss"].last_line) == (4, 0.5, 6)
    assert curves["epoch"].maximum == 3


def test_long_curves_are_bounded_but_keep_first_last_and_extremes(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i},{'-7' if i == 4711 else i}\n" for i in range(20_001))
    curve = read_metrics_csv(_csv(tmp_path, "epoch,step,val_loss\n" + rows), tmp_path)[-1]
    assert len(curve.points) <= MOST_POINTS + 1
    assert (curve.points[0], curve.points[-1], curve.count) == ([0, 0], [20_000, 20_000], 20_001)
    assert curve.minimum == -7


def test_rows_that_are_cut_off_or_repeat_the_header(tmp_path: Path) -> None:
    path = _csv(tmp_path, "epoch,step,val_loss\n0,1,0.5\nepoch,step,val_loss\n1,2,0.4\n2,3")
    curve = next(c for c in read_metrics_csv(path, tmp_path) if c.metric == "val_loss")
    assert [point[1] for point in curve.points] == [0.5, 0.4]


def test_the_version_that_the_bars_name_else_the_highest(tmp_path: Path) -> None:
    for version in (0, 2, 10):
        _csv(tmp_path / f"lightning_logs/version_{version}", f"epoch,step,val_loss\n0,1,{version}\n")
    assert newest_version(tmp_path).parent.name == "version_10"
    assert newest_version(tmp_path, "2").parent.name == "version_2"
    assert newest_version(tmp_path, "77").parent.name == "version_10"
    (tmp_path / "slurm.out").write_text("Epoch 0:   4%|▍| 1/24 [00:00<00:01, v_num=2, train_loss=0.873]\r")
    curves = {c.metric: c for c in read_curves(tmp_path, tmp_path)}
    assert curves["val_loss"].points == [[1, 2]]
    assert curves["train_loss"].points == [[pytest.approx(1 / 24), 0.873]]


def test_a_curve_older_than_the_log_is_an_earlier_attempts(tmp_path: Path) -> None:
    import os

    path = _csv(tmp_path / "lightning_logs/version_0", "epoch,step,val_loss\n0,1,nan\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert read_curves(tmp_path, tmp_path, "2026-01-01T00:00:00")[0].source.state == PARTIAL
    assert read_curves(tmp_path, tmp_path, "2020-01-01T00:00:00")[0].source.state == READ


def test_progress_bars_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "slurm.out"
    path.write_text(
        "starting\n\rEpoch 0:   4%|▍ | 1/20 [00:00<00:01, 12.02it/s, v_num=3, train_loss=0.873]"
        "\rEpoch 0:  10%|▊ | 2/20 [00:00<00:01, 15.40it/s, v_num=3, train_loss=nan.0]\n"
        "Episode 50/100  reward=174.0  val_acc=0.3611\nstep 7: loss: 1.5e-3 lr: 0.1\nnot an epoch: loss=9\n"
    )
    curves, version = read_progress(path, tmp_path)
    found = {curve.metric: curve for curve in curves}
    assert version == "3"
    assert found["train_loss"].points == [[0.05, 0.873], [0.1, "nan"]]
    assert found["train_loss"].first_nonfinite_line == 2
    assert "train_loss=nan.0" in found["train_loss"].first_nonfinite_text
    assert found["val_acc"].points == [[50, 0.3611]] and found["reward"].points == [[50, 174]]
    assert found["loss"].points == [[7, 0.0015]]
    assert "v_num" not in found


def test_a_log_of_thirty_megabytes_is_read_at_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "slurm.out"
    bar = "\rEpoch {}:  50%|▍ | 1/2 [00:00<00:01, train_loss={}]"
    path.write_text(bar.format(0, 0.9) + "x" * 30_000_000 + "\n" + bar.format(99, 0.1))
    curves, _ = read_progress(path, tmp_path)
    assert [point[1] for point in curves[0].points] == [0.9, 0.1]
    assert curves[0].source.state == PARTIAL


@pytest.mark.parametrize("unit", [b"loss ", b"loss=", b"loss loss="])
def test_loss_repeated_without_end_takes_linear_time(unit: bytes, tmp_path: Path) -> None:
    path = tmp_path / "slurm.out"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        read_progress(path, tmp_path)

    assert growth(read, b"epoch 1 " + unit * 400_000) < LINEAR


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def _event(tag: str, step: int, value: float) -> bytes:
    """A record of an event file as TensorBoard's writer makes it; the CRCs are not looked at."""
    name = tag.encode()
    inner = b"\x0a" + _varint(len(name)) + name + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + _varint(len(inner)) + inner
    event = b"\x09" + struct.pack("<d", 1.7e9) + b"\x10" + _varint(step) + b"\x2a" + _varint(len(summary)) + summary
    return struct.pack("<Q", len(event)) + b"\0\0\0\0" + event + b"\0\0\0\0"


def test_event_files(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(
        b"".join(_event("val_loss", step * 300, 1 / (step + 1)) for step in range(3)) + _event("lr", 1, float("nan"))
    )
    curves = {curve.metric: curve for curve in read_event_file(path, tmp_path)}
    assert curves["val_loss"].points == [[0, 1.0], [300, 0.5], [600, pytest.approx(1 / 3)]]
    assert curves["lr"].first_nonfinite_step == 1
    path.write_bytes(path.read_bytes()[:-9])
    assert read_event_file(path, tmp_path)[0].source.state == PARTIAL
    path.write_bytes(b"\xff" * 5000)
    assert read_event_file(path, tmp_path) == []


def test_event_files_stand_in_for_a_missing_csv(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "set_01/teacher_autoencoder")
    (directory / "events.out.tfevents.1").write_bytes(_event("val_loss", 5, 0.25))
    assert [(c.metric, c.points) for c in read_curves(directory, tmp_path)] == [("val_loss", [[5, 0.25]])]


def test_metrics_have_their_lines_and_lists_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text('{\n "gat": {\n  "core": {\n   "f1": 0.0,\n   "auc": NaN\n  },\n  "roc": [1, 2, 3]\n }\n}')
    found = {metric.name: metric for metric in read_metrics(path, tmp_path).values}
    assert set(found) == {"gat.core.f1", "gat.core.auc"}
    assert (found["gat.core.f1"].value, found["gat.core.f1"].line, found["gat.core.f1"].text) == (0.0, 4, '"f1": 0.0,')
    assert found["gat.core.auc"].value == "nan"


def test_metrics_of_a_printed_line_may_stand_apart(tmp_path: Path) -> None:
    path = tmp_path / "slurm.out"
    path.write_text("".join(f"Epoch:  {n}  Training Loss:  10.84598{n}  Accuracy:  0.0548\n" for n in range(4)))
    curves, _ = read_progress(path, tmp_path)
    assert [(curve.metric, curve.count) for curve in curves] == [("Loss", 4), ("Accuracy", 4)]


def test_another_fit_in_the_same_log_is_another_curve(tmp_path: Path) -> None:
    """A pretraining measures another loss: from its end to the next one's no loss rose."""
    path = tmp_path / "slurm.out"
    pretraining = "".join(f"Epoch {i}: 100%|###| 9/9 [00:01<00:00, val_loss=0.0{9 - i}]\n" for i in range(6))
    finetuning = "".join(f"Epoch {i}: 100%|###| 9/9 [00:01<00:00, val_loss=1.{9 - i}]\n" for i in range(4))
    path.write_text(pretraining + finetuning)
    (curve,) = read_progress(path, tmp_path)[0]
    assert (curve.count, curve.maximum, curve.points[0][1]) == (4, 1.9, 1.9)
    # ranks and nested bars say their epochs side by side
    path.write_text(pretraining + "Epoch 4: 100%|###| 9/9 [00:01<00:00, val_loss=0.05]\n")
    assert read_progress(path, tmp_path)[0][0].count == 7
