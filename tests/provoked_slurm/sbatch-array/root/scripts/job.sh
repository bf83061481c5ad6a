#!/bin/bash
sets=(hcrl_ch set_02 set_03 set_04)
extra=('' '' '--cached-graphs 6000 --max-epochs 999' '--max-epochs 100000')
ds=${sets[$SLURM_ARRAY_TASK_ID]}
run=experimentruns/$ds/teacher_autoencoder
python3 train.py autoencoder --dataset $ds ${extra[$SLURM_ARRAY_TASK_ID]} >$run/slurm.out 2>$run/slurm.err
