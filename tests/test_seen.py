"""project=auto: which profile is taken, and what is proposed where there is no folder of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from postmortem.discover.discovery import discover
from postmortem.errors import ConfigError
from postmortem.project import project, whereabouts


def made(root: Path, *files: str) -> project.Project:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    return project.from_config({}, root)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("experimentruns/set_09/student_curriculum_kd/slurm.err", "kd-gat"),  # leftovers, without code or data
        ("data/project.db", "kd-gat"),  # it stopped before its first run
        ("data/cache/set_01/processed_graphs.pt", "kd-gat"),
        ("experimentruns/cifar/resnet_3/slurm.err", "default"),
        ("experimentruns/cifar/teacher_of_none/slurm.err", "default"),
        ("experimentruns/student_curriculum/resnet/slurm.err", "default"),  # a data set is called so, no run
        ("data/train.db", "default"),
    ],
)
def test_the_profile_whose_marks_are_there(file: str, name: str, tmp_path: Path) -> None:
    known = made(tmp_path, file)
    assert known.profile.name == name
    (said,) = known.announcement
    assert said.startswith(f"project={name}, for ")


def test_who_names_a_profile_is_not_told(tmp_path: Path) -> None:
    known = project.from_config({"project": "default"}, tmp_path)
    assert known.announcement == []


def refusal(root: Path, *files: str) -> str:
    with pytest.raises(ConfigError) as caught:
        whereabouts.require_runs(made(root, *files))
    return str(caught.value)


def test_a_folder_that_holds_runs_is_proposed(tmp_path: Path) -> None:
    said = refusal(tmp_path, "results/cifar/resnet_3/train.err", "data/raw/a/b.csv", ".cache/a/b/c.err")
    assert said.endswith(
        "results/cifar/resnet_3/train.err looks like the log of a run: --config experiment_root=results"
    )
    # of two nobody knows which one is meant
    assert "set experiment_root=<folder>" in refusal(tmp_path, "older/cifar/resnet_1/train.err")


def test_the_folder_of_a_run_is_no_project(tmp_path: Path) -> None:
    said = refusal(tmp_path, "slurm.err", "checkpoints/last.ckpt")
    assert said.endswith(
        "slurm.err lies in this folder: if it is that of a run, name the folder of its project instead"
    )


@pytest.mark.parametrize(
    ("log", "root"), [("results/run_3/train.err", "."), ("results/cifar/resnet/seed_3/train.err", "results/cifar")]
)
def test_runs_at_another_depth(log: str, root: str, tmp_path: Path) -> None:
    assert f"{log} looks like the log of a run: --config experiment_root={root}" in refusal(tmp_path, log)
    known = project.from_config({"experiment_root": "results", "sacct": "off"}, tmp_path)
    (tmp_path / "results" / "run_3" / "checkpoints").mkdir(parents=True, exist_ok=True)
    (note,) = discover(known).notes
    assert note.endswith(f"experiment_root={root}")
    proposed = project.from_config({"experiment_root": root, "sacct": "off"}, tmp_path)
    assert discover(proposed).notes == []
