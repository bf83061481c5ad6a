"""Snakemake's own guards, where a diagnosis needs none: it runs beside a pipeline that holds the project's lock.

A diagnosis writes files of its own only, each whole or not at all. So it waits for no lock and leaves none behind when
it is killed, and what a killed call began is made again: what `--nolock --rerun-incomplete` says, without having to be
said. Only for our own workflow, never for one that we are a module of.
"""

from __future__ import annotations


def let_run() -> None:
    """Set this process's Snakemake so. Read in 9.27 (workflow.py, persistence, dag.py) and in 7.32 (the same).

    Both versions make the objects that hold these settings outside of the Snakefile's reach, and ask them later.
    """
    from snakemake import persistence

    base = getattr(persistence, "PersistenceBase", None) or persistence.Persistence
    base.lock = base.unlock = base.noop  # what --nolock puts into each object
    try:
        from snakemake.settings.types import DAGSettings as Holder
    except ImportError:  # 7.32
        from snakemake.dag import DAG as Holder
    Holder.force_incomplete = property(lambda _: True, lambda _, value: None)
