#!/bin/bash
conda activate gnn
./env/bin/python3 train.py autoencoder --dataset hcrl_sa
