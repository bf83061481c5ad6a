"""Settings and profiles: what is accepted, and the one sentence that answers what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from postmortem.errors import ConfigError
from postmortem.project import profile, project, runs, whereabouts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "experimentruns").mkdir()
    return tmp_path


def refusal(config: dict[str, Any], root: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        whereabouts.require_runs(project.from_config(config, root))
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        ({"experiment_rot": "runs"}, ["experiment_rot", '"runs"', 'did you mean "experiment_root"?', "config"]),
        ({"zzz": 1}, ['"zzz"', "known keys are experiment_root, project, runs_per_job"]),
        ({"runs_per_job": "many"}, ["runs_per_job", '"many"', "whole number"]),
        ({"runs_per_job": 0}, ["runs_per_job is 0", "at least 1"]),
        ({"experiment_root": None}, ["experiment_root is null", "path"]),
        ({"sacct": 5}, ["sacct is 5", "auto, off"]),
        ({"sacct": "nothere.txt"}, ["nothere.txt", "does not exist"]),
        ({"snakemake_log": "gone.log"}, ["gone.log", "does not exist"]),
        ({"project": "kdgat"}, ["kdgat", 'did you mean "kd-gat"?', "default, kd-gat"]),
        ({"experiment_root": "experimentrun"}, ["experimentrun", "does not exist", 'did you mean "experimentruns"?']),
        ({"experiment_root": "elsewhere"}, ["elsewhere", "--directory"]),
        ({"experiment_root": "runs{x}"}, ["runs{x}", "braces"]),
    ],
)
def test_a_wrong_setting_is_answered_by_value_place_and_hint(
    config: dict[str, Any], parts: list[str], root: Path
) -> None:
    sentence = refusal(config, root)
    for part in parts:
        assert part in sentence


def test_defaults_are_the_contract_s(root: Path) -> None:
    known = project.from_config({}, root)
    assert (known.profile.name, known.sacct, known.snakemake_log) == ("default", "auto", None)
    assert known.experiment_root == root / "experimentruns"


def test_a_bare_off_in_yaml_is_off(root: Path) -> None:
    assert project.from_config(yaml.safe_load("sacct: off"), root).sacct == "off"


def test_a_saved_table_is_taken_from_the_project(root: Path) -> None:
    (root / "sacct.txt").write_text("JobID|State|ExitCode\n")
    assert project.from_config({"sacct": "sacct.txt"}, root).sacct == str(root / "sacct.txt")


@pytest.mark.parametrize("name", ["kd-gat", "default"])
def test_the_bundled_profiles_are_valid(name: str, root: Path) -> None:
    assert profile.load(name, root).name == name


def write_profile(root: Path, **changes: Any) -> str:
    values = {"name": "own", "run_pattern": "(?P<stage>.+)", "logs": {"stderr": ["err.log"]}} | changes
    (root / "own.yaml").write_text(yaml.safe_dump(values))
    return "own.yaml"


def test_a_profile_of_one_s_own(root: Path) -> None:
    assert project.from_config({"project": write_profile(root)}, root).profile.logs.stderr == ["err.log"]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"run_patern": "x"}, ["own.yaml", "run_patern", 'did you mean "run_pattern"?']),
        ({"logs": {"stderr": "slurm.err"}}, ["own.yaml", "logs.stderr", "list of file patterns"]),
        ({"run_pattern": "("}, ["own.yaml", "run_pattern", "regular expression"]),
        (
            {"run_again": {"stage": "train {phase}"}},
            ["run_again.stage", '"train {phase}"', "{stage}, {config}, {flags}"],
        ),
        ({"stages": {"a": {"needs": ["bb"]}, "b": {}}}, ["stages.a.needs", '"bb"', 'did you mean "b"?']),
        ({"stages": {"a": {"resources": "big"}}}, ["stages.a.resources", '"big"']),
        ({"databases": [{"kind": "postgres", "path": "x"}]}, ["databases.0.kind", "project_db or mlflow"]),
    ],
)
def test_a_wrong_profile_is_answered_likewise(changes: dict[str, Any], parts: list[str], root: Path) -> None:
    sentence = refusal({"project": write_profile(root, **changes)}, root)
    for part in parts:
        assert part in sentence


def test_a_profile_that_is_not_yaml(root: Path) -> None:
    (root / "broken.yaml").write_text("a: [")
    assert "it is not YAML" in refusal({"project": "broken.yaml"}, root)


@pytest.mark.parametrize(
    ("run_id", "expected"),
    [
        ("hcrl_sa/teacher_curriculum", ("curriculum", "teacher", False)),
        ("hcrl_sa/student_fusion_kd", ("fusion", "student", True)),
        ("public/012-word", ("", "", False)),
        ("hcrl_sa/teacher_unheard", ("", "", False)),
    ],
)
def test_a_run_s_name_tells_its_stage(run_id: str, expected: tuple[str, str, bool], root: Path) -> None:
    found = runs.from_id(run_id, project.from_config({"project": "kd-gat"}, root))
    assert (found.stage, found.size, found.kd) == expected
    assert found.directory == root / "experimentruns" / run_id


@pytest.mark.parametrize(
    ("run_id", "needed"),
    [
        ("s/teacher_autoencoder", []),
        ("s/teacher_curriculum", ["s/teacher_autoencoder"]),
        ("s/student_autoencoder", []),
        ("s/student_curriculum_kd", ["s/student_autoencoder_kd", "s/teacher_curriculum"]),
        (
            "s/student_evaluation_kd",
            ["s/student_autoencoder_kd", "s/student_curriculum_kd", "s/student_fusion_kd"],
        ),
        ("public/012-word", []),
    ],
)
def test_who_needs_whom(run_id: str, needed: list[str], root: Path) -> None:
    known = project.from_config({"project": "kd-gat"}, root)
    assert runs.required_runs(runs.from_id(run_id, known), known.profile) == needed


def test_runs_are_the_folders_two_levels_down(root: Path) -> None:
    for folder in ("a/one", "b/two/deeper", ".hidden/x", "a/.hidden"):
        (root / "experimentruns" / folder).mkdir(parents=True)
    (root / "experimentruns" / "a" / "file").touch()
    assert [found.id for found in runs.find_all(project.from_config({}, root))] == ["a/one", "b/two"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("experimentruns/a/one/best_model.pt", "a/one"),
        ("/moved/since/experimentruns/a/one/slurm.err", "a/one"),
        ("experimentruns/a/one", ""),
        ("data/a/one/x.csv", ""),
        ("other_experimentruns/a/one/x", ""),
    ],
)
def test_the_run_of_a_path(path: str, expected: str, root: Path) -> None:
    assert runs.run_of_path(path, project.from_config({}, root)) == expected
