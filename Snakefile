# postmortem: finds out why training runs failed.
#
#   snakemake diagnose_all -s <here>/Snakefile --directory <project> --cores 2 --config key=value ...
#   snakemake <experiment_root>/<dataset>/<run>/diagnosis.md -s <here>/Snakefile --directory <project> --cores 1
#
# docs/configuration.md explains every setting, workflow/schemas/diagnosis.schema.json the diagnosis.
from snakemake.utils import min_version

min_version("7.32")


include: "workflow/rules/common.smk"


rule diagnose_all:
    input:
        everything,
    localrule: True


include: "workflow/rules/collect.smk"
include: "workflow/rules/analyze.smk"
include: "workflow/rules/report.smk"
