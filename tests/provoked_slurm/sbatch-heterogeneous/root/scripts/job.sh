#!/bin/bash
#SBATCH --job-name=hcrl_sa-teacher_autoencoder --time=10 --mem=500 --output=slurm_logs/%j-het.out --error=slurm_logs/%j-het.err
#SBATCH hetjob
#SBATCH --partition=spare --mem=300 --time=10
srun --het-group=1 sleep 20 &
srun --het-group=0 python3 train.py autoencoder --dataset hcrl_sa >experimentruns/hcrl_sa/teacher_autoencoder/slurm.out 2>experimentruns/hcrl_sa/teacher_autoencoder/slurm.err
