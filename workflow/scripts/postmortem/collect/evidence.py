"""The kinds of evidence, each declared once: who reads it, which files it is read from, how the report names it.

The collector reads them in this order, the rules take their files as inputs, screening and the resolver ask here too.
Nothing but these declarations is imported: whoever only plans the jobs needs no reader.

Watched are the files that a run itself leaves, since they change only when it is repeated: then its diagnosis is made
again. What is shared with other runs is read as it is found, and is no input: it goes on changing after the run has
failed, which says nothing new of why it did, and may say less, once a broken cache has been made anew.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..discover.discovery import RunState
from ..discover.sentinel import SENTINEL
from ..facts import RunFacts
from ..project.profile import Profile
from ..project.project import Project
from ..project.runs import WORKFLOW, success_artefact

CHECKPOINT_SUFFIXES = (".pt", ".pth", ".ckpt", ".safetensors", ".bin")
MOST_CHECKPOINTS = 4  # of a run that are read, the declared one first
MOST_EVENT_FILES = 4  # of TensorBoard, the newest ones
LOGS_PER_PATTERN = 3  # of the run's own logs that one pattern finds, the newest


# --- which files ---------------------------------------------------------------------------------------------------


def log_files(project: Project, run_state: RunState) -> list[tuple[Path, str, str]]:
    """The logs of the run's last attempt, with role and job id: its own streams, its job's, Snakemake's."""
    files: dict[Path, tuple[str, str]] = {}
    if run_state.run.id != WORKFLOW:
        for path, role in _expected_streams(run_state, project.profile):
            files.setdefault(path, (role, ""))
    for path, role in run_state.job_logs:
        files.setdefault(path, (role, run_state.attempts[-1].job_id if run_state.attempts else ""))
    for name in run_state.snakemake_logs:
        path = project.absolute(name)
        files.setdefault(path, ("console" if path == project.snakemake_log else "snakemake", ""))
    return [(path, role, job_id) for path, (role, job_id) in files.items()]


def _expected_streams(run_state: RunState, profile: Profile) -> list[tuple[Path, str]]:
    """A plain name is expected, and named even if it is absent; of a pattern's files the newest count."""
    found: list[tuple[Path, str]] = []
    for role, patterns in (("stderr", profile.logs.stderr), ("stdout", profile.logs.stdout)):
        plain = [run_state.directory / name for name in patterns if "*" not in name]
        there = [path for path in plain if path.exists()]
        for pattern in patterns:
            if "*" in pattern:
                matches = sorted(run_state.directory.glob(pattern), key=lambda path: (path.stat().st_mtime, path.name))
                there += matches[-LOGS_PER_PATTERN:]
        found += [(path, role) for path in there or plain[:1]]
    return found


def is_shared_log(run_id: str, role: str) -> bool:
    """Whether a log of that role tells of other runs too: it grows while they go on, when this one has failed."""
    return role in ("snakemake", "console") and run_id != WORKFLOW


def config_name(profile: Profile) -> str:
    """Name of the frozen configuration in a run's directory."""
    return profile.config_file or "config.json"


def metrics_name(profile: Profile) -> str:
    """Name of an evaluation's result in a run's directory."""
    return profile.metrics_file or "metrics.json"


def own_checkpoints(directory: Path, patterns: list[str]) -> list[Path]:
    """Checkpoint files in a run's directory, in the order of the profile's patterns."""
    found = [path for pattern in patterns for path in sorted(directory.glob(pattern)) if is_checkpoint(path.name)]
    return [path for path in dict.fromkeys(found) if os.path.isfile(path)][:MOST_CHECKPOINTS]


def is_checkpoint(name: str) -> bool:
    """Whether a file is a checkpoint by its name."""
    return name.endswith(CHECKPOINT_SUFFIXES)


def curve_tables(directory: Path) -> list[Path]:
    """metrics.csv of every version that Lightning made in a run's directory, else one that lies there without."""
    versions = sorted(directory.glob("lightning_logs/version_*/metrics.csv"))
    loose = [directory / "metrics.csv", directory / "csv_logs" / "metrics.csv"]
    return versions or [path for path in loose if path.exists()][:1]


def event_files(directory: Path) -> list[Path]:
    """TensorBoard's files in a run's directory, oldest first."""
    return sorted(directory.rglob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime)[-MOST_EVENT_FILES:]


# --- the kinds -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EvidenceKind:
    """One kind of evidence.

    name: of the reader, in what was not checked. quoted_as: `kind` of the evidence in diagnosis.json, "" where nothing
    of it is quoted. in_report: how the report calls it. fills: fields of RunFacts that it fills.
    reader: the module in this package whose read() does; "" where discovery has read it, and hands it over.
    watched: the run's files; one that is not there is not named. unwatched: what else is read, and why a change there
    is no reason to diagnose again; "" if nothing is.
    screened: part of it is read for runs that ended well, by a cheap reader of the screening.
    gives_second_opinion: a check of the analysis asks it what it says to a claim of the log.
    of_pipeline: read for a failure of the pipeline itself as well. handed: what the reader is given beside the run:
    "signals" (what stands out in a log) or "all_runs" (what was found about the project's other runs).
    """

    name: str
    quoted_as: str
    in_report: str
    fills: tuple[str, ...]
    reader: str
    watched: Callable[[Project, RunState], Iterable[Path]]
    unwatched: str
    screened: bool
    gives_second_opinion: bool
    of_pipeline: bool = False
    handed: tuple[str, ...] = ()

    def read(self, project: Project, run_state: RunState, facts: RunFacts, handed: Mapping[str, Any]) -> None:
        """Fill the facts. handed: what the collector was given; the reader gets what it is declared to need of it."""
        reader = importlib.import_module(f"{__package__}.{self.reader}")
        reader.read(project, run_state, facts, **{name: handed[name] for name in self.handed})


def _own_logs(project: Project, run_state: RunState) -> list[Path]:
    return [path for path, role, _ in log_files(project, run_state) if not is_shared_log(run_state.run.id, role)]


def _of_run(name: str | None, run_state: RunState) -> list[Path]:
    return [run_state.directory / name] if name else []


def _none(_project: Project, _run_state: RunState) -> list[Path]:
    return []


KINDS = (
    EvidenceKind(
        "sentinel", "", "the sentinel", ("sentinel",), "",
        lambda _, state: _of_run(SENTINEL, state), "",
        screened=False, gives_second_opinion=False,
    ),
    EvidenceKind(
        "slurm", "slurm", "SLURM's accounting", ("slurm_jobs", "attempts"), "",
        _none, "sacct, or its saved table: what it records of this run is handed over, and watched as such",
        screened=False, gives_second_opinion=True,
    ),
    EvidenceKind(
        "snakemake", "snakemake", "Snakemake's log", ("snakemake_jobs",), "",
        _none, "the pipeline's logs, which grow with other runs: what they record of this one is handed over",
        screened=False, gives_second_opinion=True, of_pipeline=True,
    ),
    EvidenceKind(
        "logs", "log", "the log", ("logs",), "logs.run_logs",
        _own_logs, "Snakemake's logs, which grow while other runs go on",
        screened=True, gives_second_opinion=True, of_pipeline=True, handed=("signals",),
    ),
    EvidenceKind(
        "artefacts", "", "what the run made", ("artefacts",), "files.artefacts",
        lambda project, state: filter(None, [success_artefact(state.run, project.profile)]), "",
        screened=False, gives_second_opinion=False,
    ),
    EvidenceKind(
        "config", "config", "the configuration", ("config", "siblings", "needed_configs"), "files.config",
        lambda project, state: _of_run(config_name(project.profile), state),
        "the configurations of other runs, to compare with",
        screened=True, gives_second_opinion=True,
    ),
    EvidenceKind(
        "curves", "curve", "the curves", ("curves",), "files.curves",
        lambda _, state: [*curve_tables(state.directory), *event_files(state.directory)], "",
        screened=True, gives_second_opinion=True,
    ),
    EvidenceKind(
        "metrics", "metrics", "the metrics", ("metrics",), "files.metrics",
        lambda project, state: _of_run(metrics_name(project.profile), state), "",
        screened=True, gives_second_opinion=False,
    ),
    EvidenceKind(
        "tracker", "tracker", "the tracker's database", ("trackers",), "files.tracker",
        _none, "project.db and mlflow.db, which every run of the pipeline writes to",
        screened=False, gives_second_opinion=True,
    ),
    EvidenceKind(
        "checkpoint", "checkpoint", "the checkpoint", ("checkpoints",), "tensors.checkpoint",
        lambda project, state: own_checkpoints(state.directory, project.profile.checkpoints),
        "checkpoints of the runs that it needs, which are made anew when those are repeated",
        screened=True, gives_second_opinion=True,
    ),
    EvidenceKind(
        "data", "data", "the data", ("data", "cache"), "files.data",
        _none, "the dataset's cache and CSV folders, shared by all of its runs, any of which may make the cache anew",
        screened=True, gives_second_opinion=True,
    ),
    EvidenceKind(
        "upstream", "upstream", "the runs it needs", ("upstream",), "around.upstream",
        _none, "other runs' folders: this run has to be repeated before a repeated one of them can help it",
        screened=False, gives_second_opinion=True, handed=("all_runs",),
    ),
    EvidenceKind(
        "code", "code", "the code", ("code",), "around.code",
        _none, "the project's code, which is edited to mend what failed; git knows it as it was",
        screened=False, gives_second_opinion=True,
    ),
    EvidenceKind(
        "scripts", "", "job scripts and workflows", ("scripts", "named_files", "root_entries"), "around.scripts",
        _none, "what started the run and what its errors name, which is edited to mend what failed",
        screened=False, gives_second_opinion=False, of_pipeline=True,
    ),
    EvidenceKind(
        "good_run", "good_run", "the last good run", ("good_run", "environment"), "around.good_run",
        _none, "other runs' folders: every run that ends well may be nearer than the one that was compared with",
        screened=False, gives_second_opinion=True, handed=("all_runs",),
    ),
)  # fmt: skip
"""In the order in which they are read: later ones look at what earlier ones found (curves and code at the logs,
checkpoint at the configuration, good_run at most of it)."""

NAME_IN_REPORT = {kind.quoted_as: kind.in_report for kind in KINDS if kind.quoted_as}
"""How the report calls a kind of evidence, by the `kind` of a quote."""


def watched_files(project: Project, run_state: RunState) -> list[Path]:
    """The files that a run's diagnosis is made again for when one changes, as far as they are there."""
    kinds = [kind for kind in KINDS if kind.of_pipeline or run_state.run.id != WORKFLOW]
    paths = (path for kind in kinds for path in kind.watched(project, run_state))
    return [path for path in dict.fromkeys(paths) if os.path.isfile(path)]


def shared_logs(project: Project, run_state: RunState) -> list[Path]:
    """Snakemake's logs that tell of the run and of others."""
    run_id = run_state.run.id
    paths = [path for path, role, _ in log_files(project, run_state) if is_shared_log(run_id, role)]
    return [path for path in dict.fromkeys(paths) if os.path.isfile(path)]
