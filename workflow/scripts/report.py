"""Words the diagnosis of each run of a batch.

needs: diagnosis.json of each run, the templates. makes: diagnosis.md of each run.
"""

from postmortem import batch_jobs

batch_jobs.log_to(snakemake.log[0])
batch_jobs.report_batch(list(snakemake.input.diagnoses), list(snakemake.output))
