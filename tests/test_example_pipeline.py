"""The example pipeline leaves what other tests rely on: real runs, healthy or failed by configuration."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "pipeline"


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A module of the pipeline, run in a copy of it."""
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with one dataset whose four stages ran well."""
    folder = tmp_path_factory.mktemp("pipeline")
    shutil.copytree(EXAMPLE / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    done = python(folder, "-m", "pipeline.healthy", "--runs", "4", "--seed", "2")
    assert done.returncode == 0, done.stderr
    return folder


def only_run(project: Path, stage: str) -> Path:
    """The run of a stage; the dataset is car_00, the size is up to the seed."""
    (found,) = (project / "experimentruns" / "car_00").glob(f"*_{stage}")
    return found


@pytest.mark.training
def test_a_training_run_leaves_the_layout_of_the_target(project: Path) -> None:
    run = only_run(project, "curriculum")
    left = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    curve = "lightning_logs/version_0/metrics.csv"
    assert left == {"config.json", "best_model.pt", "slurm.out", "slurm.err", curve}
    rows = list(csv.DictReader((run / curve).open()))
    assert list(rows[0]) == ["epoch", "step", "train_loss", "val_loss"]
    assert "curriculum is complete" in (run / "slurm.err").read_text()


@pytest.mark.training
def test_the_cache_and_the_database_tell_the_same(project: Path) -> None:
    metadata = json.loads((project / "data/cache/car_00/cache_metadata.json").read_text())
    with sqlite3.connect(project / "data/project.db") as database:
        (graphs,) = database.execute("SELECT num_graphs FROM datasets WHERE name = 'car_00'").fetchone()
        states = dict(database.execute("SELECT stage, status FROM runs"))
    assert graphs == metadata["num_graphs"] > 0
    assert set(states.values()) == {"complete"} and len(states) == 4


@pytest.mark.training
def test_evaluation_measures_a_model_that_works(project: Path) -> None:
    metrics = json.loads((only_run(project, "evaluation") / "metrics.json").read_text())
    assert metrics["fusion"]["core"]["f1"] > 0.8
    assert set(metrics["test"]) == {"test_01_known_car", "test_02_unknown_car"}


@pytest.mark.training
def test_a_run_is_repeated_from_its_config_with_another_value(project: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "copy")
    config = only_run(copy, "autoencoder") / "config.json"
    flags = ["--config", str(config), "--lr", "50", "--gradient-clip", "0"]
    again = python(copy, "-m", "pipeline.cli", "autoencoder", *flags)
    assert again.returncode == 1
    assert "FloatingPointError: train_loss is" in again.stderr
    assert json.loads(config.read_text())["lr"] == 50


@pytest.mark.training
def test_an_unknown_value_is_refused_before_anything_is_written(project: Path) -> None:
    refused = python(project, "-m", "pipeline.cli", "fusion", "--dataset", "nowhere", "--scheduler-type", "cosin")
    assert "scheduler_type = 'cosin'" in refused.stderr
    assert not (project / "experimentruns" / "nowhere").exists()


@pytest.mark.parametrize("name", ["demo", "silent"])
def test_expectations_name_runs_of_their_scenario_and_causes_of_the_catalogue(name: str) -> None:
    scenario = yaml.safe_load((EXAMPLE / "scenarios" / f"{name}.yaml").read_text())
    expected = yaml.safe_load((EXAMPLE / "expected.yaml").read_text())[name]
    due = expected.get("failed", {}) | expected.get("suspect", {})
    named = [*due, *expected["ok"], *expected["tainted"]]
    assert len(named) == len(set(named))
    assert set(scenario["runs"]) <= set(named)
    assert set(scenario["faults"]) <= set(named)
    assert all(about["cause"] for about in due.values())


# In the order in which one has to repair them: a run's output, once its first fix was pasted.
CURED = {
    "coupe/teacher_autoencoder": "best_model.pt",
    "coupe/student_autoencoder": "best_model.pt",
    "minibus/teacher_fusion": "best_model.pt",
    "sedan/teacher_evaluation": "metrics.json",
    "tractor/student_curriculum": "best_model.pt",
    "truck/student_autoencoder": "best_model.pt",
    "truck/teacher_curriculum": "best_model.pt",
    "wagon/teacher_autoencoder": "best_model.pt",
    "wagon/teacher_curriculum": "best_model.pt",
}


def scenario(name: str, folder: Path, *options: str) -> None:
    """Really run a scenario of the example."""
    command = [sys.executable, str(EXAMPLE / "run_demo.py"), str(folder), "--scenario", name, *options]
    subprocess.run(command, check=True, timeout=400, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})


def left_as_expected(name: str, folder: Path) -> None:
    """The runs that finished are those that should, and what the others left says what it should."""
    expected = yaml.safe_load((EXAMPLE / "expected.yaml").read_text())[name]
    runs = folder / "experimentruns"
    finished = {path.parent.relative_to(runs).as_posix() for path in runs.glob("*/*/best_model.pt")}
    finished |= {path.parent.relative_to(runs).as_posix() for path in runs.glob("*/*/metrics.json")}
    assert finished == set(expected["ok"]) | set(expected["tainted"]) | set(expected.get("suspect", {}))
    for run, about in (expected.get("failed", {}) | expected.get("suspect", {})).items():
        left = [path for path in (runs / run).rglob("*") if path.suffix in {".err", ".out", ".json", ".csv"}]
        assert any(about["evidence"] in path.read_text() for path in left), run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with its diagnoses."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    scenario("demo", folder)
    return folder


@pytest.mark.snakemake
@pytest.mark.training
@pytest.mark.slow
@pytest.mark.parametrize("name", ["silent"])
def test_a_scenario_fails_as_expected(name: str, tmp_path: Path) -> None:
    scenario(name, tmp_path / "demo", "--no-diagnosis")
    left_as_expected(name, tmp_path / "demo")


@pytest.mark.snakemake
@pytest.mark.training
@pytest.mark.slow
@pytest.mark.xdist_group("demo")
def test_the_demo_fails_as_expected(demo: Path) -> None:
    left_as_expected("demo", demo)


@pytest.mark.snakemake
@pytest.mark.training
@pytest.mark.slow
@pytest.mark.xdist_group("demo")
def test_what_the_demo_is_told_to_paste_cures_it(demo: Path) -> None:
    """Each first fix as it is printed, upstream first; the runs that lack their data or were never configured stay."""
    runs = demo / "experimentruns"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for run, output in CURED.items():
        command = json.loads((runs / run / "diagnosis.json").read_text())["fix"][0]["command"]
        shell = ["bash", "-c", command]
        done = subprocess.run(shell, cwd=demo, env=os.environ | {"PATH": path}, capture_output=True, text=True)
        assert done.returncode == 0 and (runs / run / output).exists(), (run, command, done.stderr[-2000:])
