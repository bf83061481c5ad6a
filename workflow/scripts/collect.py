"""Collects what can be observed about the runs of a batch.

needs: what was found of the runs, their directories, the catalogue's patterns. makes: diagnosis.facts.json of each run.
"""

from postmortem.jobs import stages

stages.log_to(snakemake.log[0])
stages.collect_batch(
    snakemake.params.settings,
    snakemake.params.runs,
    snakemake.params.found,
    list(snakemake.input.catalogue),
    list(snakemake.output),
)
