"""The training loop."""

import logging
from pathlib import Path

import torch

log = logging.getLogger("engine")


class Engine:
    def __init__(self, net, criterion, optimizer, device="cpu"):
        self.device = torch.device(device)
        self.net = net.to(self.device)
        self.criterion = criterion
        self.optimizer = optimizer

    def step(self, images, targets):
        outputs = self.net(images.to(self.device))
        loss = self.criterion(outputs, targets.to(self.device))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, loader, epochs):
        for epoch in range(1, epochs + 1):
            self.net.train()
            total = 0.0
            for number, (images, targets) in enumerate(loader):
                total += self.step(images, targets)
                if number % 4 == 0:
                    log.info("epoch %d step %d loss %.4f", epoch, number, total / (number + 1))
        log.info("finished %d epochs, loss %.4f", epochs, total / len(loader))

    def save(self, path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        torch.save({"model": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}, path)
        log.info("saved %s", path)
