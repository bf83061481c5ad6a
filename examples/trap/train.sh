#!/bin/bash
# A batch script that no Snakemake starts: train.sh RUN [OPTIONS]. Works with sbatch, and without.
#SBATCH --time=10 --mem=500 --output=/dev/null
run=experimentruns/$1
shift
mkdir -p "$run"

. "${POSTMORTEM:-../..}/workflow/scripts/postmortem_trap.sh" "$run"

python3 ../train.py "$run" --data ../data/rows.csv "$@" >"$run/slurm.out" 2>"$run/slurm.err"
