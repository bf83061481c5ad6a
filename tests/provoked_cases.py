"""The provoked failures as one project: every fixture of tests/provoked is a run, diagnosed through the whole chain."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from postmortem.collect import collector
from postmortem.project import project
from replay import catalogue_signals, diagnosed
from whole_chain import found_in

FIXTURES = Path(__file__).parent / "provoked"


@dataclass
class Case:
    """A fixture with what it should give and what it gave."""

    name: str
    causes: set[str]  # empty: the run is healthy
    key_evidence: str
    diagnosis: dict[str, Any]

    @property
    def found(self) -> str:
        cause = self.diagnosis["root_cause"]
        return cause["id"] if cause else self.diagnosis["status"]

    @property
    def right(self) -> bool:
        return self.found in self.causes if self.causes else self.diagnosis["status"] not in ("failed", "suspect")

    @property
    def quoted(self) -> bool:
        squeezed = " ".join(" ".join(item["text"] for item in self.diagnosis["evidence"]).split()).lower()
        return " ".join(self.key_evidence.split()).lower() in squeezed


def diagnose_all(scratch: Path, only: str = "") -> list[Case]:
    """Diagnose the fixtures whose name matches the expression `only`, in a project made in `scratch`."""
    labels = {}
    for label in sorted(FIXTURES.glob("*/label.yaml")):
        if not re.search(only, label.parent.name):
            continue
        run = scratch / "experimentruns" / "provoked" / label.parent.name
        run.mkdir(parents=True)
        for stream in ("slurm.err", "slurm.out"):
            if (label.parent / stream).exists():
                shutil.copy(label.parent / stream, run / stream)
        labels[label.parent.name] = yaml.safe_load(label.read_text(encoding="utf-8"))
        if labels[label.parent.name]["cause"] != "none":
            (run / ".failed").touch()
    watched = project.from_config({"sacct": "off"}, scratch)
    cases = []
    found = found_in(watched)
    for state in found.runs:
        if state.run.name in labels:
            label = labels[state.run.name]
            causes = set() if label["cause"] == "none" else {label["cause"], *(label.get("also_ok") or [])}
            diagnosis = diagnosed(collector.collect_run(watched, state, found.all_runs, catalogue_signals))
            cases.append(Case(state.run.name, causes, str(label.get("key_evidence") or ""), diagnosis))
    return cases
