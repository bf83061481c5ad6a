"""The loop."""

from trainer.optim import make_optimizer


def fit():
    print("fitting with", make_optimizer())
