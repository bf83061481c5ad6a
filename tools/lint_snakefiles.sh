#!/usr/bin/env bash
# Check the format and the style of every Snakefile that is ours. Those under tests/ may be wrong on purpose.
set -euo pipefail
shopt -s nullglob

ours=(Snakefile* workflow/rules/*.smk examples/*/Snakefile)
snakefmt --line-length 120 --check "${ours[@]}"

# The workflow refuses a project without its folder of runs, so it gets an empty one.
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
mkdir "$project/experimentruns"
for snakefile in Snakefile examples/pipeline/Snakefile; do
  if [ -e "$snakefile" ]; then snakemake --lint -s "$snakefile" --directory "$project"; fi
done
