"""Training and evaluation of a small detector."""

import logging
import sys
import warnings

import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, roc_auc_score
from torch import nn
from tqdm import tqdm

log = logging.getLogger("loop")


class LoopError(RuntimeError):
    """The training cannot go on."""


def readings(n=400, share=0.5, shift=0.0, strength=2.0, seed=0):
    """Readings, of which a share is attacks; `shift` turns the meaning of the sensors."""
    g = torch.Generator().manual_seed(seed)
    y = (torch.rand(n, generator=g) < share).float()
    x = torch.randn(n, 8, generator=g)
    x[:, 0] += strength * (y - 0.5) * (1 - shift)
    x[:, 1] += strength * (y - 0.5) * shift
    return x, y


class Detector(nn.Module):
    def __init__(self, hidden=16, bias=0.0):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        nn.init.constant_(self.layers[2].bias, bias)

    def forward(self, x):
        return self.layers(x).squeeze(1)


def train(model, x, y, epochs, lr=1e-2, bar=False, each_epoch=None, chatty=False):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(x)).split(32)
        total = 0.0
        for number, batch in enumerate(tqdm(order, desc=f"Epoch {epoch}", file=sys.stderr) if bar else order):
            loss = criterion(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
            if chatty:
                log.info("epoch %d batch %d/%d loss %.5f lr %.1e", epoch, number + 1, len(order), loss.item(), lr)
        if each_epoch:
            each_epoch(epoch, model)
        evaluate(model, x, y, f"epoch {epoch}/{epochs} train_loss={total / len(order):.4f}")
    return model


@torch.no_grad()
def evaluate(model, x, y, name, threshold=0.5):
    scores = torch.sigmoid(model(x)).numpy()
    found = (scores > threshold).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        figures = {"acc": accuracy_score(y, found), "f1": f1_score(y, found), "auc": roc_auc_score(y, scores)}
    log.info("%s %s", name, " ".join(f"{key}={value:.4f}" for key, value in figures.items()))
    return figures, confusion_matrix(y, found)
