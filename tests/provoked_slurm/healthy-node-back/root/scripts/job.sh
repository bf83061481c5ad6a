#!/bin/bash
python3 train.py autoencoder --dataset hcrl_sa --max-epochs 20 > experimentruns/hcrl_sa/teacher_autoencoder/slurm.out 2> experimentruns/hcrl_sa/teacher_autoencoder/slurm.err
