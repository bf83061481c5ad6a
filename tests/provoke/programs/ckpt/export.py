"""Write checkpoints of all formats: python export.py KIND PATH"""

import argparse
import sys
from dataclasses import dataclass

import torch
from models import GRUModel


@dataclass
class TrainConfig:
    lr: float = 1e-3
    hidden: int = 16


def main(kind, path):
    model = GRUModel()
    state = model.state_dict()
    if kind == "weights":
        torch.save(state, path)
    elif kind == "trainer":
        torch.save({"model": state, "epoch": 3}, path)
    elif kind == "with-config":
        torch.save({"model": state, "config": TrainConfig()}, path)
    elif kind == "with-args":
        torch.save({"model": state, "args": argparse.Namespace(lr=0.1)}, path)
    elif kind == "whole-model":
        torch.save(model, path)
    elif kind == "safe":
        from safetensors.torch import save_file

        save_file(state, path)
    elif kind == "from-gpu":
        # as a machine with a GPU would have written it: the storages carry its device
        torch.serialization.register_package(1, lambda storage: "cuda:0", lambda storage, location: None)
        torch.save(state, path)
    else:
        raise SystemExit(f"unknown kind {kind}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
