"""The plan of one call of Snakemake: which runs are diagnosed in which batch, from which files, into which files."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import batches, catalogue, project, times
from .batches import Batch
from .discover import SENTINEL, Discovery, discover
from .errors import ConfigError, near_match
from .files import write_whole
from .history import OWN_MARK
from .project import Project
from .render import TEMPLATES
from .run import WORKFLOW, from_id

FACTS, DIAGNOSIS, REPORT = "diagnosis.facts.json", "diagnosis.json", "diagnosis.md"
SNAPSHOT = Path(".snakemake/postmortem/batches.json")
"""The batches as the main process dealt them. A process that Snakemake starts for one job must know the same ones."""


@dataclass
class Plan:
    """Paths are as Snakemake wants them: relative to the project, and without braces."""

    project: Project
    discovery: Discovery
    batches: list[Batch]
    catalogue: list[str]
    templates: list[str]

    @property
    def root(self) -> str:
        return self.project.root_as_given

    @property
    def run_ids(self) -> list[str]:
        """All runs that are diagnosed."""
        return [run_id for batch in self.batches for run_id in batch.run_ids]

    def paths(self, run_ids: list[str], name: str) -> list[str]:
        """That output file of each run."""
        return [f"{self.root}/{name}" if run == WORKFLOW else f"{self.root}/{run}/{name}" for run in run_ids]

    def evidence(self, run_ids: list[str]) -> list[str]:
        """The files that those runs' facts are collected from, as far as they are there now."""
        states = [state for run_id in run_ids if (state := self.discovery.state_of(run_id))]
        return list(dict.fromkeys(path for state in states for path in batches.evidence(self.project, state)))

    def sentinel_times(self, run_ids: list[str]) -> dict[str, str]:
        """When each run's sentinel was touched: a parameter of its job, which runs again when that changes.

        As an input alone it would not: Snakemake takes a small file of the same content for unchanged.
        """
        paths = {run_id: from_id(run_id, self.project).directory / SENTINEL for run_id in run_ids if run_id != WORKFLOW}
        moments = {run_id: times.modified(path) for run_id, path in paths.items()}
        return {run_id: moment.isoformat() for run_id, moment in moments.items() if moment}

    def evidence_of_one(self, run_id: str) -> list[str]:
        """The same for a run that was asked for by its path. Raises ConfigError if there is no such run."""
        state = self.discovery.state_of(run_id)
        if state is None:
            known = [other.run.id for other in self.discovery.runs]
            raise ConfigError(f'there is no run "{run_id}" in {self.project.experiment_root}{near_match(run_id, known)}')
        return batches.evidence(self.project, state)

    def check_targets(self, arguments: list[str]) -> None:
        """Raise ConfigError if the command line asks for the diagnosis of a run that is not there.

        Snakemake would find out later, and say it in eight lines.
        """
        start = f"{self.project.root_as_given}/"
        for argument in arguments:
            run_id, _, name = argument.removeprefix(start).rpartition("/")
            if argument.startswith(start) and name in (FACTS, DIAGNOSIS, REPORT) and run_id.count("/") == 1:
                self.evidence_of_one(run_id)

    def announce(self) -> list[str]:
        """What is printed when everything is to be diagnosed: a line per run, each marked as ours."""
        return [OWN_MARK + line for line in self.discovery.report()]


def make(config: Mapping[str, Any], main_process: bool) -> Plan:
    """Look at the project in the working directory. Raises ConfigError, one sentence.

    main_process: false in the processes that Snakemake starts for single jobs on a cluster.
    """
    known = project.from_config(config, Path.cwd())
    discovery = discover(known)
    dealt = None if main_process else _read_snapshot()
    if dealt is None:
        dealt = batches.of_discovery(known, discovery)
        _write_snapshot(dealt)
    return Plan(
        project=known,
        discovery=discovery,
        batches=dealt,
        catalogue=[str(path) for path in catalogue.files(known.root)],
        templates=[str(path) for path in sorted(TEMPLATES.iterdir()) if path.is_file()],
    )


def _write_snapshot(dealt: list[Batch]) -> None:
    try:
        write_whole(SNAPSHOT, json.dumps({batch.name: batch.run_ids for batch in dealt}))
    except OSError as error:  # a project that cannot be written to: Snakemake will say so itself, and better
        print(f"{OWN_MARK}{SNAPSHOT} cannot be written ({error.strerror})", file=sys.stderr)


def _read_snapshot() -> list[Batch] | None:
    try:
        return [Batch(name, run_ids) for name, run_ids in json.loads(SNAPSHOT.read_text(encoding="utf-8")).items()]
    except (OSError, ValueError):
        return None
