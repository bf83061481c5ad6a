"""Diagnose the text of a log in this process: what the catalogue's and the resolver's tests share."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from postmortem.analyze import catalogue as catalogue_module
from postmortem.analyze.catalogue import Catalogue
from postmortem.analyze.diagnose import diagnose
from postmortem.collect.logs.scan import read_log, signal_patterns
from postmortem.facts import Log, RunFacts
from postmortem.report.document import document


@lru_cache(maxsize=1)
def bundled_catalogue() -> Catalogue:
    """The catalogue as it is shipped."""
    return catalogue_module.load(catalogue_module.files())


@lru_cache(maxsize=1)
def catalogue_signals() -> list[Any]:
    """What stands out in a large log by that catalogue."""
    return signal_patterns(bundled_catalogue().expressions())


def facts_of(folder: Path, state: str = "failed") -> RunFacts:
    """The facts of a run of which only its streams are left: slurm.err and slurm.out in `folder`."""
    logs: list[Log] = []
    for name, role in (("slurm.err", "stderr"), ("slurm.out", "stdout")):
        if (folder / name).exists():
            logs.append(read_log(folder / name, folder, role, signals=catalogue_signals))
    return RunFacts(run=f"test/{folder.name}", directory=str(folder), state=state, logs=logs)


def diagnosed(facts: RunFacts) -> dict[str, Any]:
    """The diagnosis.json of these facts, by the catalogue as it is shipped."""
    return document(facts, diagnose(facts, bundled_catalogue()))


def diagnose_folder(folder: Path, state: str = "failed") -> dict[str, Any]:
    """The diagnosis of such a run."""
    return diagnosed(facts_of(folder, state))


def diagnose_text(text: str, folder: Path, state: str = "failed") -> dict[str, Any]:
    """The diagnosis of a run whose slurm.err holds `text`."""
    (folder / "slurm.err").write_text(text, encoding="utf-8")
    return diagnose_folder(folder, state)
