#!/bin/bash
#SBATCH --job-name=train --time=10 --mem=400 --cpus-per-task=1
#SBATCH --output=slurm_logs/%A_%a.out
# The task of the array says which run; a job without an array is the second one of another dataset.
names=(plain narrow wide)
options=("" "--hidden sixteen" "--cached 200 --epochs 20")
task=${SLURM_ARRAY_TASK_ID:-1}
dataset=${SLURM_ARRAY_TASK_ID:+city}
run=experimentruns/${dataset:-farm}/${names[$task]}
mkdir -p "$run"

. "${POSTMORTEM:-../..}/workflow/scripts/postmortem_trap.sh" "$run"     # ties the job to its run

python3 ../train.py "$run" --data ../data/rows.csv ${options[$task]} >"$run/slurm.out" 2>"$run/slurm.err"
