#!/bin/bash
srun python3 train.py autoencoder --dataset hcrl_ch --max-epochs 100000 --cached-graphs 20000 > experimentruns/hcrl_ch/teacher_autoencoder/slurm.out 2> experimentruns/hcrl_ch/teacher_autoencoder/slurm.err
