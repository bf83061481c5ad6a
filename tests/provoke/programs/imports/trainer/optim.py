"""Optimizers."""


def make_optimizer(name="adam"):
    return {"adam": "Adam(lr=1e-3)"}[name]
