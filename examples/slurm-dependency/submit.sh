#!/bin/bash
# Submit a training, an array of three, and for each a small job that diagnoses it if it fails. OPTIONS go to sbatch.
#   submit.sh [OPTIONS]
set -euo pipefail
postmortem=${POSTMORTEM:-../..}
mkdir -p slurm_logs
one=$(sbatch --parsable "$@" train.sh)
three=$(sbatch --parsable "$@" --array=0-2 train.sh)
python3 "$postmortem/workflow/scripts/submit_diagnosis.py" --config project=default "--sbatch=$*" "$one" "$three"
