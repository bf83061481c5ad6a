#!/bin/bash
python3 train.py autoencoder --dataset hcrl_sa --max-epochs 100000
