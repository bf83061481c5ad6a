#!/bin/bash
python3 train.py autoencoder --dataset hcrl_ch > experimentruns/hcrl_ch/teacher_autoencoder/slurm.out 2> experimentruns/hcrl_ch/teacher_autoencoder/slurm.err
