#!/usr/bin/env bash
# Check the format and the style of every Snakefile that is ours. Those under tests/ may be wrong on purpose.
set -euo pipefail
shopt -s nullglob

ours=(Snakefile* workflow/rules/*.smk examples/*/Snakefile)
snakefmt --line-length 120 --check "${ours[@]}"

# Linting parses the workflow, and that takes a project: one without runs for ours, the example's own for the example.
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
mkdir "$project/experimentruns"
cp examples/pipeline/config.yaml "$project"
for snakefile in Snakefile examples/pipeline/Snakefile; do
  if [ -e "$snakefile" ]; then snakemake --lint --snakefile "$snakefile" --directory "$project"; fi
done
