"""The plan of one call of Snakemake: which runs are diagnosed in which batch, from which files, into which files."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..analyze import catalogue
from ..discover.discovery import Discovery, RunState, discover
from ..files import read_text, write_whole
from ..installation import SNAKEFILE
from ..outputs import DIAGNOSIS, FACTS, MARK, REPORT, STATE_FOLDER, SUMMARIES
from ..project import project
from ..project.project import Project
from ..project.runs import WORKFLOW
from ..report.render import TEMPLATES
from ..text import safe
from . import batches, handover
from .batches import Batch
from .screening import screen

SNAPSHOT = STATE_FOLDER / "batches.json"
"""The batches as the main process dealt them. A process that Snakemake starts for one job must know the same ones."""


@dataclass
class Plan:
    """Paths are relative to the project where they lie in it.

    main_process: the one that looks at the project; those that Snakemake starts for single jobs, e.g. on a cluster,
    take what it found. as_module: part of another workflow, which must not be kept from starting by a project that has
    no runs yet.
    """

    project: Project
    main_process: bool
    as_module: bool
    catalogue: list[str]
    templates: list[str]
    dealt: list[Batch] | None = None
    asked: dict[str, Batch] = field(default_factory=dict)

    @cached_property
    def discovery(self) -> Discovery:
        """Which runs failed, and which of the others are to be suspected."""
        found = discover(self.project, runs_required=not self.as_module)
        screen(self.project, found)
        return found

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

    @cached_property
    def run_not_in_a_batch(self) -> str:
        """What the wildcard of the rules for single runs may be.

        Those of a batch have rules of their own: for each of them Snakemake would make three jobs more, to throw them
        away, which took it most of its time.
        """
        of_batches = "|".join(re.escape(run_id) for run_id in self.run_ids)
        return (f"(?!(?:{of_batches})/)" if of_batches else "") + "[^/]+/[^/]+"

    @property
    def undecided(self) -> list[str]:
        """The runs of which nothing says how they ended; only the main process, which makes the summary, is asked."""
        return self.discovery.undecided if self.main_process else []

    def paths(self, run_ids: list[str], name: str) -> list[str]:
        """That output file of each run."""
        return [f"{self.root}/{name}" if run == WORKFLOW else f"{self.root}/{run}/{name}" for run in run_ids]

    def handed(self, file: str) -> list[str]:
        """The files with what was found, as inputs: that one, and the states of all runs.

        In a process that was started for a job they may be gone: then the job says so in its results.
        """
        return [name for name in (file, handover.ALL_RUNS) if self.main_process or Path(name).is_file()]

    def batch_of_one(self, run_id: str) -> Batch:
        """A run that is asked for by its path. Raises ConfigError if there is none."""
        if run_id not in self.asked:
            self.asked[run_id] = self._ask(run_id)
        return self.asked[run_id]

    def _ask(self, run_id: str) -> Batch:
        batch = Batch(run_id, [run_id], found=handover.file_of_run(run_id))
        if self.main_process:
            state: RunState | None = self._state(run_id)
        else:
            state = handover.read(self.project, batch.found).get(run_id)
        if state is not None:
            batch.evidence = batches.evidence(self.project, state)
            batch.touched = {run_id: batches.touched(state)}
            if self.main_process:
                batch.news = handover.write(self.project, [state], batch.found)
        return batch

    def _state(self, run_id: str) -> RunState:
        return self.discovery.required(run_id, self.project)

    def check_targets(self, arguments: list[str]) -> None:
        """Raise ConfigError if the command line asks for the diagnosis of a run that is not there.

        Snakemake would find out later, and say it in eight lines.
        """
        start = f"{self.root}/"
        for argument in arguments:
            run_id, _, name = argument.removeprefix(start).rpartition("/")
            if argument.startswith(start) and name in (FACTS, DIAGNOSIS, REPORT) and run_id.count("/") == 1:
                self._state(run_id)

    @cached_property
    def summaries(self) -> dict[str, str]:
        """The summary's files by kind; without one in whose place a folder lies, such as a data set of that name."""
        files = {kind: f"{self.root}/{name}" for kind, name in SUMMARIES.items()}
        return {kind: file for kind, file in files.items() if not (self.project.root / file).is_dir()}

    def announce(self) -> list[str]:
        """What is printed when everything is to be diagnosed: a line per run, each marked as ours."""
        left_out = [name for kind, name in SUMMARIES.items() if kind not in self.summaries]
        lines = [*self.project.announcement, *self.discovery.report()]
        lines += [f"{self.root}/{name} is a folder: no summary there" for name in left_out]
        return [MARK + safe(line) for line in lines]


def make(config: Mapping[str, Any], main_process: bool, main_snakefile: str) -> Plan:
    """Check the settings of the project in the working directory. Raises ConfigError, one sentence.

    main_process: false in the processes that Snakemake starts for single jobs, e.g. on a cluster. main_snakefile: the
    one that the user called; if it is not ours, we are a module of it.
    """
    known = project.from_config(config, Path.cwd())
    return Plan(
        project=known,
        main_process=main_process,
        as_module=Path(main_snakefile).resolve() != SNAKEFILE,
        catalogue=[str(path) for path in catalogue.files(known.root)],
        templates=[str(path) for path in sorted(TEMPLATES.iterdir()) if path.is_file()],
        dealt=None if main_process else _read_snapshot(),
    )


def _write_snapshot(dealt: list[Batch]) -> None:
    try:
        write_whole(SNAPSHOT, json.dumps([asdict(batch) for batch in dealt]))
    except OSError as error:  # a project that cannot be written to: Snakemake will say so itself, and better
        print(f"{MARK}{SNAPSHOT} cannot be written ({error.strerror})", file=sys.stderr)


def _read_snapshot() -> list[Batch] | None:
    try:
        return [Batch(**values) for values in json.loads(read_text(SNAPSHOT))]
    except (OSError, ValueError, TypeError):
        return None
