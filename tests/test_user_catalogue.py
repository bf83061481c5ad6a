"""A user adds a cause in a folder of the project: data and their tests, no code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CHECK = [sys.executable, str(REPOSITORY / "workflow" / "scripts" / "check_catalogue.py")]
ENTRY = """
- id: data.stale_cache
  title: recordings of another calibration
  patterns:
    - 'calibration (?P<have>\\w+) of the recordings is not (?P<want>\\w+)'
  not_when:
    - 'only a note'
  explains: []
  root_cause: The recordings were calibrated as {{ have }}, the pipeline wants {{ want }}.
  fix:
    - text: Calibrate again.
      command: python tools/calibrate.py --to {{ want }}
  prevention:
    - Check the calibration before submitting.
  role: fatal
  references: []
"""
TESTS = """
hits:
  - |
    loading recordings
    calibration c7 of the recordings is not c9
misses:
  - |
    calibration c7 of the recordings is not c9, which is only a note
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    own = tmp_path / "postmortem"
    (own / "catalogue").mkdir(parents=True)
    (own / "catalogue" / "laboratory.yaml").write_text(ENTRY)
    tests = own / "tests" / "data.stale_cache"
    tests.mkdir(parents=True)
    (tests / "recordings-of-another-calibration.yaml").write_text(TESTS)
    run = tmp_path / "experimentruns" / "set_01" / "first"
    run.mkdir(parents=True)
    (run / "slurm.err").write_text("loading recordings\ncalibration c3 of the recordings is not c9\n")
    (run / ".failed").touch()
    return tmp_path


def test_its_own_tests_are_walked(project: Path) -> None:
    done = subprocess.run([*CHECK, str(project)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "keeps to its tests" in done.stdout


def test_a_look_alike_that_is_found_is_told(project: Path) -> None:
    file = project / "postmortem" / "catalogue" / "laboratory.yaml"
    file.write_text(ENTRY.replace("- 'only a note'", "- 'never said'"))
    done = subprocess.run([*CHECK, str(project)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "look-alike" in done.stdout


@pytest.mark.snakemake
def test_the_workflow_uses_it(project: Path) -> None:
    snakemake = [str(Path(sys.executable).with_name("snakemake")), "-s", str(REPOSITORY / "Snakefile")]
    command = [*snakemake, "--directory", str(project), "--cores", "1", "--config", "sacct=off"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    diagnosis = json.loads((project / "experimentruns/set_01/first/diagnosis.json").read_text())
    assert diagnosis["root_cause"]["id"] == "data.stale_cache"
    assert diagnosis["root_cause"]["explanation"] == "The recordings were calibrated as c3, the pipeline wants c9."
    assert diagnosis["fix"][0]["command"] == "python tools/calibrate.py --to c9"


@pytest.mark.snakemake
def test_a_broken_entry_harms_itself_alone(project: Path) -> None:
    file = project / "postmortem" / "catalogue" / "laboratory.yaml"
    file.write_text(ENTRY.replace("role: fatal", "role: deadly"))
    snakemake = [str(Path(sys.executable).with_name("snakemake")), "-s", str(REPOSITORY / "Snakefile")]
    command = [*snakemake, "--directory", str(project), "--cores", "1", "--config", "sacct=off"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    diagnosis = json.loads((project / "experimentruns/set_01/first/diagnosis.json").read_text())
    assert diagnosis["root_cause"]["id"] == "unknown"
    told = [item for item in diagnosis["not_checked"] if "laboratory.yaml" in item]
    assert len(told) == 1
    assert "role 'deadly' is none of fatal" in told[0]
