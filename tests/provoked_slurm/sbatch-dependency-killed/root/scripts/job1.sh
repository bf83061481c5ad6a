#!/bin/bash
python3 train.py curriculum --dataset hcrl_sa > experimentruns/hcrl_sa/teacher_curriculum/slurm.out 2> experimentruns/hcrl_sa/teacher_curriculum/slurm.err
