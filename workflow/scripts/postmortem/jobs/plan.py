"""The plan of one call of Snakemake: which runs are diagnosed in which batch, from which files, into which files."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..analyze import catalogue
from ..discover.discovery import Discovery, RunState, discover
from ..discover.scheduler_records import OWN_MARK
from ..errors import ConfigError, near_match
from ..files import write_whole
from ..installation import SNAKEFILE
from ..project import project
from ..project.project import Project
from ..project.runs import WORKFLOW
from ..report.render import TEMPLATES
from . import batches
from .batches import Batch

FACTS, DIAGNOSIS, REPORT = "diagnosis.facts.json", "diagnosis.json", "diagnosis.md"
SNAPSHOT = Path(".snakemake/postmortem/batches.json")
"""The batches as the main process dealt them. A process that Snakemake starts for one job must know the same ones."""


@dataclass
class Plan:
    """Paths are relative to the project where they lie in it. as_module: part of another workflow, which must not be
    kept from starting by a project that has no runs yet."""

    project: Project
    as_module: bool
    catalogue: list[str]
    templates: list[str]
    dealt: list[Batch] | None = None

    @cached_property
    def discovery(self) -> Discovery:
        return discover(self.project, runs_required=not self.as_module)

    @cached_property
    def batches(self) -> list[Batch]:
        if self.dealt is None:
            self.dealt = batches.of_discovery(self.project, self.discovery)
            _write_snapshot(self.dealt)
        return self.dealt

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

    def evidence_of_one(self, run_id: str) -> list[str]:
        """The files that the facts of a run are collected from that was asked for by its path."""
        return batches.evidence(self.project, self._state(run_id))

    def touched(self, run_id: str) -> dict[str, str]:
        """When that run's sentinel was touched."""
        return {run_id: batches.touched(self._state(run_id))}

    def _state(self, run_id: str) -> RunState:
        state = self.discovery.state_of(run_id)
        if state is None:
            known = [other.run.id for other in self.discovery.runs]
            raise ConfigError(
                f'there is no run "{run_id}" in {self.project.experiment_root}{near_match(run_id, known)}'
            )
        return state

    def check_targets(self, arguments: list[str]) -> None:
        """Raise ConfigError if the command line asks for the diagnosis of a run that is not there.

        Snakemake would find out later, and say it in eight lines.
        """
        start = f"{self.root}/"
        for argument in arguments:
            run_id, _, name = argument.removeprefix(start).rpartition("/")
            if argument.startswith(start) and name in (FACTS, DIAGNOSIS, REPORT) and run_id.count("/") == 1:
                self._state(run_id)

    def announce(self) -> list[str]:
        """What is printed when everything is to be diagnosed: a line per run, each marked as ours."""
        return [OWN_MARK + line for line in self.discovery.report()]


def make(config: Mapping[str, Any], main_process: bool, main_snakefile: str) -> Plan:
    """Check the settings of the project in the working directory. Raises ConfigError, one sentence.

    main_process: false in the processes that Snakemake starts for single jobs, e.g. on a cluster. main_snakefile: the
    one that the user called; if it is not ours, we are a module of it.
    """
    known = project.from_config(config, Path.cwd())
    return Plan(
        project=known,
        as_module=Path(main_snakefile).resolve() != SNAKEFILE,
        catalogue=[str(path) for path in catalogue.files(known.root)],
        templates=[str(path) for path in sorted(TEMPLATES.iterdir()) if path.is_file()],
        dealt=None if main_process else _read_snapshot(),
    )


def _write_snapshot(dealt: list[Batch]) -> None:
    try:
        write_whole(SNAPSHOT, json.dumps([asdict(batch) for batch in dealt]))
    except OSError as error:  # a project that cannot be written to: Snakemake will say so itself, and better
        print(f"{OWN_MARK}{SNAPSHOT} cannot be written ({error.strerror})", file=sys.stderr)


def _read_snapshot() -> list[Batch] | None:
    try:
        return [Batch(**values) for values in json.loads(SNAPSHOT.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return None
