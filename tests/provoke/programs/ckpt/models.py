"""Sequence models."""

import torch
from torch import nn


class GRUModel(nn.Module):
    def __init__(self, hidden=16, layers=1, out=2):
        super().__init__()
        self.rnn = nn.GRU(8, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, out)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class AttentiveGRU(GRUModel):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x):
        h = self.rnn(x)[0]
        return self.head(self.attention(h, h, h)[0][:, -1])


class RenamedGRU(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.GRU(8, 16, batch_first=True)
        self.classifier = nn.Linear(16, 2)

    def forward(self, x):
        return self.classifier(self.encoder(x)[0][:, -1])


def wide():
    return GRUModel(hidden=32)


MODELS = {"gru": GRUModel, "attentive": AttentiveGRU, "renamed": RenamedGRU, "wide": wide,
          "two-layers": lambda: GRUModel(layers=2), "parallel": lambda: nn.DataParallel(GRUModel())}  # fmt: skip
torch.manual_seed(0)
