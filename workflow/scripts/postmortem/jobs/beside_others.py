"""Snakemake's own guards, where a diagnosis needs none: it runs beside a pipeline that holds the project's lock.

A diagnosis writes files of its own only, each whole or not at all. So it waits for no lock and leaves none behind when
it is killed, and what a killed call began is made again: what `--nolock --rerun-incomplete` says, without having to be
said. Only for our own workflow, never for one that we are a module of.
"""

from __future__ import annotations

from typing import Any


def let_run(workflow: Any) -> None:
    """Set this process's Snakemake so. Read in 9.27 (workflow.py, persistence, dag.py) and in 7.32 (the same)."""
    from snakemake import persistence
    from snakemake.dag import DAG

    # Both versions make their objects when the Snakefile has been read, and with --nolock put `noop` into each.
    base = getattr(persistence, "PersistenceBase", None) or persistence.Persistence
    base.lock = base.unlock = base.noop
    if settings := getattr(workflow, "dag_settings", None):
        object.__setattr__(settings, "force_incomplete", True)
    else:  # 7.32 keeps it in the DAG
        DAG.force_incomplete = property(lambda _: True, lambda _, value: None)
