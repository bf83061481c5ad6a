"""Words the diagnosis of each run of a batch.

needs: diagnosis.json of each run, the templates. makes: diagnosis.md of each run.
"""

from postmortem.jobs import stages

stages.log_to(snakemake.log[0])
stages.report_batch(list(snakemake.input.diagnoses), list(snakemake.output))
