"""The small examples, run as their READMEs say."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from example_projects import BOTH, EXAMPLES, REPOSITORY, SNAKEMAKE_9, call, causes, copy, run_pipeline, told

README_LINES = 16


@pytest.mark.parametrize("name", ["onerror", "slurm-dependency", "module", "trap"])
def test_a_readme_is_short_and_names_files_that_are_there(name: str) -> None:
    text = (EXAMPLES / name / "README.md").read_text()
    assert len(text.splitlines()) <= README_LINES
    for word in text.replace("`", " ").split():
        if word.endswith((".sh", ".py")) and "/" not in word.removeprefix("./"):
            found = [EXAMPLES / name / word, REPOSITORY / "workflow" / "scripts" / word]
            assert any(path.is_file() for path in found), word


@pytest.mark.snakemake
def test_onerror_as_it_lies_in_the_repository(tmp_path: Path) -> None:
    """Without any setting: the Snakefile finds the repository that it is part of."""
    for name in ("workflow", "config", "Snakefile", ".venv"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    folder = copy("onerror", tmp_path / "examples")
    done = call(folder, SNAKEMAKE_9, "--cores", "2", "--keep-going")
    assert done.returncode == 1
    assert len(told(done.stdout)) == 3 == len(causes(folder))


@BOTH
def test_module(snakemake: Path, tmp_path: Path) -> None:
    folder = copy("module", tmp_path)
    assert run_pipeline(folder, snakemake).returncode == 1
    done = run_pipeline(folder, snakemake, "postmortem_diagnose_all")
    assert done.returncode == 0, done.stdout
    assert causes(folder) == {"farm/plain": "data.missing"}
    assert "farm/plain" in (folder / "experimentruns" / "diagnoses.md").read_text()


@pytest.mark.snakemake
@pytest.mark.training
def test_trap(tmp_path: Path) -> None:
    folder = copy("trap", tmp_path)
    assert call(folder, "bash", "train.sh", "city/plain").returncode == 0
    assert call(folder, "bash", "train.sh", "city/narrow", "--hidden", "sixteen").returncode == 2
    sentinels = {path.parent.name: json.loads(path.read_text()) for path in folder.rglob(".failed")}
    assert {name: found["exit_code"] for name, found in sentinels.items()} == {"narrow": 2}
    command = ["diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", folder, "--cores", "1"]
    done = call(folder, SNAKEMAKE_9, *command, "--config", "project=default")
    assert done.returncode == 0, done.stdout
    assert causes(folder) == {"city/narrow": "config.invalid"}
    assert call(folder, "bash", "train.sh", "city/narrow").returncode == 0
    assert not list(folder.rglob(".failed"))


@pytest.mark.slurm
def test_slurm_dependency(slurm: None, tmp_path: Path) -> None:
    folder = copy("slurm-dependency", tmp_path)
    submitted = call(folder, "./submit.sh", "--account=ml")
    assert submitted.returncode == 0, submitted.stdout
    assert ["afternotok" in told(submitted.stdout)[0], "afterany" in told(submitted.stdout)[1]] == [True, True]
    expected = {"farm/narrow": "config.invalid", "city/narrow": "config.invalid", "city/wide": "host.oom"}
    end = time.monotonic() + 120
    while causes(folder).keys() != expected.keys() and time.monotonic() < end:
        time.sleep(1)
    assert causes(folder) == expected
