"""Gathers all that can be observed about one run: every kind of evidence, read in turn.

Each reader is guarded: one that breaks becomes a line of `not_checked`, since it must not cost the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..discover.discovery import RunState
from ..errors import describe
from ..facts import RunFacts
from ..project.project import Project
from ..project.runs import WORKFLOW
from .evidence import KINDS

_SNAKEFILE_OPTION = re.compile(r" (?:-s|--snakefile) (\S+)")
_USUAL_SNAKEFILES = ("Snakefile", "workflow/Snakefile")  # which Snakemake finds by itself
_PROFILE_OPTION = re.compile(r" --profile (\S+)")


def collect_run(
    project: Project, run_state: RunState, all_runs: Mapping[str, RunState], signals: Callable[[], list[Any]]
) -> RunFacts:
    """Everything about the run. Never raises: what went wrong is told in `not_checked`.

    run_state, all_runs: what was found about the run, and about all runs of the project, by id. signals: gives what
    stands out in a log, as logs.scan.signal_patterns does; only asked where a log is too large to be kept whole.
    """
    run = run_state.run
    facts = RunFacts(
        run=run.id,
        directory=project.relative(run.directory),
        dataset=run.dataset,
        name=run.name,
        stage=run.stage,
        size=run.size,
        state=run_state.state,
        reasons=run_state.reasons,
        sentinel=run_state.sentinel,
        collected_at=datetime.now().astimezone().isoformat(timespec="seconds"),
        profile=_as_it_applies_here(project),
        attempts=run_state.attempts,
        slurm_jobs=run_state.slurm_jobs,
        snakemake_jobs=run_state.snakemake_jobs,
        not_checked=list(run_state.not_read),
    )
    for kind in KINDS:
        if not kind.reader or (run.id == WORKFLOW and not kind.of_pipeline):
            continue
        try:
            kind.read(project, run_state, facts, {"all_runs": all_runs, "signals": signals})
        except Exception as error:  # whatever a reader stumbles over, the others shall be heard
            facts.not_checked.append(f"{kind.name}: the reader broke ({describe(error)})")
    return facts


def _as_it_applies_here(project: Project) -> dict[str, Any]:
    """The profile's values; its commands with the Snakefile and the Snakemake profile that this project has.

    Of a project without its code nobody knows what else is missing: it keeps the profile's.
    """
    values = project.profile.as_dict()
    again: dict[str, str] = values.get("run_again") or {}
    for name, template in again.items():
        snakefile, profile = _SNAKEFILE_OPTION.search(template or ""), _PROFILE_OPTION.search(template or "")
        named = bool(snakefile and (project.root / snakefile[1]).is_file())
        found = named or any((project.root / usual).is_file() for usual in _USUAL_SNAKEFILES)
        if snakefile and found and not named:
            again[name] = again[name].replace(snakefile[0], "")
        if profile and found and not (project.root / profile[1]).is_dir():
            again[name] = again[name].replace(profile[0], "" if "--cores" in template else " --cores 1")
    return values
