"""Finds the root cause of each run of a batch.

needs: diagnosis.facts.json of each run, the catalogue. makes: diagnosis.json of each run.
"""

from postmortem.jobs import stages

stages.log_to(snakemake.log[0])
stages.analyze_batch(list(snakemake.input.facts), list(snakemake.input.catalogue), list(snakemake.output))
