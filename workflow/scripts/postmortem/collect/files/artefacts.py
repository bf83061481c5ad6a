"""What a run should have made → facts.artefacts: there, empty or absent."""

from __future__ import annotations

import os

from ...discover.discovery import RunState
from ...facts import ABSENT, PARTIAL, READ, Artefact, RunFacts
from ...paths import modified
from ...project.project import Project
from ...project.runs import success_artefact


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.artefacts with the file that shows success, and with the frozen configuration."""
    name = project.profile.config_file
    success = success_artefact(run_state.run, project.profile)
    for path, role in ((success, "success"), (run_state.directory / name if name else None, "config")):
        if path is None:
            continue
        there = os.path.isfile(path)
        size = path.stat().st_size if there else 0
        state = READ if size else (PARTIAL if there else ABSENT)
        facts.artefacts.append(
            Artefact(facts.run, project.relative(path), state, size, modified(path) if there else "", role)
        )
