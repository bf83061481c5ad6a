"""Collects what can be observed about the runs of a batch.

needs: the runs' directories, SLURM's and Snakemake's records. makes: diagnosis.facts.json of each run.
"""

from postmortem.jobs import stages

stages.log_to(snakemake.log[0])
stages.collect_batch(snakemake.params.settings, snakemake.params.runs, list(snakemake.output))
