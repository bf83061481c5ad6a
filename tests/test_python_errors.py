"""What the interpreter's messages ask for: each example really fails so, and is mended by its edit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from replay import diagnose_text

from postmortem.installation import PYTHON_ERRORS

ENTRIES: list[dict[str, Any]] = yaml.safe_load(PYTHON_ERRORS.read_text(encoding="utf-8"))
SHOWN = [entry for entry in ENTRIES if "example" in entry]
pytestmark = pytest.mark.training


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "train.py"], cwd=folder, capture_output=True, text=True)


def wanted(entry: dict[str, Any]) -> str:
    """The words of a fix that no group fills in, up to the first that one does."""
    return str(entry["fix"]).split("%(")[0]


@pytest.mark.parametrize("entry", SHOWN, ids=[entry["error"][:60] for entry in SHOWN])
def test_each_example_is_known_and_its_edit_mends_it(entry: dict[str, Any], tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(entry["example"])
    failed = run(tmp_path)
    assert failed.returncode == 1
    (tmp_path / "log").mkdir()
    first = diagnose_text(failed.stderr, tmp_path / "log")["fix"][0]
    assert first["text"].startswith(wanted(entry)) and "%(" not in first["text"], first
    assert Path(first["file"]).name == "train.py" and first["line"], first
    if "edit" in entry:
        old, new = (line[1:] for line in first["diff"].splitlines()[-2:])
        program.write_text(program.read_text().replace(old, new))
        assert run(tmp_path).returncode == 0, (first, run(tmp_path).stderr)
    if "adds" in entry:
        subprocess.run(first["command"], shell=True, check=True)
        assert run(tmp_path).returncode == 0, (first, program.read_text())


def test_an_import_is_added_behind_those_from_the_future(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text('"""Train."""\nfrom __future__ import annotations\n\nimport sys\n\nprint(math.pi)\n')
    (tmp_path / "log").mkdir()
    first = diagnose_text(run(tmp_path).stderr, tmp_path / "log")["fix"][0]
    subprocess.run(first["command"], shell=True, check=True)
    assert run(tmp_path).returncode == 0 and program.read_text().count("import math\nimport sys") == 1
