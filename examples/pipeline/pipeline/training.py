"""The training loop: epochs, early stopping, the best weights, and a metrics.csv like that of Lightning."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.config import Config

log = logging.getLogger("pipeline.training")


class CurveWriter:
    """lightning_logs/version_N/metrics.csv, a new version per attempt; each row is on disk once it is written."""

    def __init__(self, run_dir: Path) -> None:
        root = run_dir / "lightning_logs"
        folder = root / f"version_{len(list(root.glob('version_*')))}"
        folder.mkdir(parents=True)
        self.handle = (folder / "metrics.csv").open("w", newline="")
        self.writer = csv.writer(self.handle)
        self.row("epoch", "step", "train_loss", "val_loss")

    def row(self, *cells: Any) -> None:
        """One row; an empty cell for what was not measured at this step."""
        self.writer.writerow(cells)
        self.handle.flush()


class Trainer:
    """Fits one model. The losses are functions of a batch, so that a stage can add to the model's own."""

    def __init__(self, model: nn.Module, config: Config, run_dir: Path, lr: float) -> None:
        self.model, self.config, self.run_dir = model, config, run_dir
        self.curve = CurveWriter(run_dir)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=config.weight_decay)
        self.scheduler = self.make_scheduler()
        self.step = 0
        self.best = math.inf

    def make_scheduler(self) -> torch.optim.lr_scheduler.LRScheduler | None:
        """As the configuration says; validation has refused unknown names."""
        kind, config = self.config.scheduler_type, self.config
        if kind == "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, config.max_epochs)
        if kind == "step":
            return torch.optim.lr_scheduler.StepLR(
                self.optimizer, max(1, config.max_epochs // 3), config.scheduler_gamma
            )
        return None

    def update(self, loss: Tensor, epoch: int) -> None:
        """One optimiser step, and a row of the curve now and then."""
        if self.config.halt_on_nan and not torch.isfinite(loss):
            raise FloatingPointError(f"train_loss is {loss.item()} in epoch {epoch}, step {self.step}")
        self.optimizer.zero_grad()
        loss.backward()
        if self.config.gradient_clip > 0:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.optimizer.step()
        if self.step % self.config.log_every_n_steps == 0:
            self.curve.row(epoch, self.step, loss.item(), "")
        self.step += 1

    def fit(
        self,
        batches: Callable[[int], Iterable[Any]],
        held_out: Iterable[Any],
        train_loss: Callable[[Any], Tensor],
        val_loss: Callable[[Any], Tensor],
    ) -> Path:
        """Train until the last epoch or until `patience` epochs brought nothing; the best weights are kept."""
        waited = 0
        for epoch in range(self.config.max_epochs):
            self.model.train()
            for batch in batches(epoch):
                self.update(train_loss(batch), epoch)
            if self.scheduler:
                self.scheduler.step()
            value = self.validate(held_out, val_loss)
            self.curve.row(epoch, self.step, "", value)
            print(f"epoch {epoch:3d}  step {self.step:5d}  val_loss {value:.4g}", flush=True)
            waited += 1
            if value < self.best:
                self.best, waited = value, 0
                self.save()
            if waited >= self.config.patience:
                log.info("val_loss has not improved for %d epochs, stopping in epoch %d", waited, epoch)
                break
        if self.best == math.inf:
            # As ModelCheckpoint with save_last does: there is a checkpoint at the end, whatever the curve was.
            self.save()
        log.info("best val_loss %.4g, checkpoint %s", self.best, self.checkpoint)
        return self.checkpoint

    def validate(self, held_out: Iterable[Any], loss: Callable[[Any], Tensor]) -> float:
        """The mean loss over held-out batches."""
        self.model.eval()
        with torch.no_grad():
            values: list[float] = [loss(batch).item() for batch in held_out]
        return sum(values) / max(1, len(values))

    @property
    def checkpoint(self) -> Path:
        """The declared output of a training stage."""
        return self.run_dir / "best_model.pt"

    def save(self) -> None:
        """A plain state_dict."""
        torch.save(self.model.state_dict(), self.checkpoint)
