"""The ends of real SLURM jobs, as they lay there: every state is named, from accounting and logs together."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from replay import catalogue_signals, diagnosed
from whole_chain import found_in

from postmortem.collect import collector
from postmortem.project import project

FIXTURES = Path(__file__).parent / "provoked_slurm"
NAMES = sorted(path.parent.name for path in FIXTURES.glob("*/label.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_an_end_is_named_rightly(name: str, tmp_path: Path) -> None:
    label = yaml.safe_load((FIXTURES / name / "label.yaml").read_text())
    root = shutil.copytree(FIXTURES / name / "root", tmp_path / "root")
    for run in [*(entry["run"] for entry in label["failed_runs"]), *(label["ok_runs"] or [])]:
        (root / "experimentruns" / run).mkdir(parents=True, exist_ok=True)  # git keeps no empty folders
    settings = {"sacct": str(FIXTURES / name / "sacct.txt")}
    if (console := FIXTURES / name / "snakemake.console").exists():
        settings["snakemake_log"] = str(console)
    watched = project.from_config(settings, root)
    found: dict[str, dict[str, Any]] = {}
    discovery = found_in(watched)
    for state in discovery.diagnosed:
        facts = collector.collect_run(watched, state, discovery.all_runs, catalogue_signals)
        found[state.run.id] = diagnosed(facts)
    failed = {entry["run"]: {entry["cause"], *(entry.get("also_ok") or [])} for entry in label["failed_runs"]}
    # Beyond those, only runs that the label leaves open: a group's failure takes the results of its good jobs along.
    assert failed.keys() <= found.keys() and not found.keys() & set(label["ok_runs"] or [])
    for run, right in failed.items():
        assert found[run]["root_cause"]["id"] in right
