"""Readers of the checkpoint formats in use."""

import pickle

import torch


def plain(path):
    return torch.load(path, map_location="cpu")


def on_saved_device(path):
    return torch.load(path)


def nested(path):
    """Checkpoints of our trainer: weights under 'model'."""
    found = torch.load(path, map_location="cpu")
    return found["model"]


def safe(path):
    from safetensors.torch import load_file

    return load_file(path)


def pickled(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def scripted(path):
    return torch.jit.load(path).state_dict()


READERS = {"plain": plain, "nested": nested, "safe": safe, "pickled": pickled, "scripted": scripted,
           "saved-device": on_saved_device}  # fmt: skip
