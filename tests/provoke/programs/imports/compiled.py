"""torch.compile on a model that branches on its values."""

import torch


class Router(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)

    def forward(self, x):
        if x.sum() > 0:
            return self.a(x)
        return self.b(x)


def train():
    model = torch.compile(Router(), fullgraph=True)
    model(torch.randn(4, 8)).sum().backward()


if __name__ == "__main__":
    train()
