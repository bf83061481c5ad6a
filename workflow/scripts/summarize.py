"""Writes the summary over all diagnosed runs.

needs: all diagnosis.json, the templates. makes: diagnoses.md, diagnoses.html, diagnoses.tsv.
"""

from pathlib import Path

from postmortem.jobs import stages
from postmortem.report import summary

stages.log_to(snakemake.log[0])
problems = summary.write(
    [Path(path) for path in snakemake.input.diagnoses],
    Path(snakemake.params.experiment_root),
    {kind: Path(path) for kind, path in snakemake.output.items()},
    snakemake.params.undecided,
)
if problems:
    raise SystemExit("; ".join(problems))
