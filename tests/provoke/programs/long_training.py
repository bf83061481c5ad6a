"""A healthy training of two hours: Lightning, DDP over gloo with two processes, early stopping, warnings and all.

Its speed is that of a slow data set: every batch waits. `--minutes` says how long it goes on.
"""

import argparse
import logging
import time
import warnings

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, Dataset

log = logging.getLogger("detector")


class Windows(Dataset):
    """Windows of a signal; loading one takes its time, and one in a thousand has to be read again."""

    def __init__(self, count: int, seconds: float) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(count, 16, generator=generator)
        self.y = (self.x[:, :4].sum(1) + 0.3 * torch.randn(count, generator=generator) > 0).float()
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        time.sleep(self.seconds)
        if index % 997 == 0:
            log.warning("reading window %d failed (Error: timed out), retrying in 0.1 s", index)
            time.sleep(0.1)
        return self.x[index], self.y[index]


class Detector(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 1))
        self.error = nn.BCEWithLogitsLoss()

    def step(self, batch, name: str) -> torch.Tensor:
        x, y = batch
        scores = self.layers(x).squeeze(1)
        loss = self.error(scores, y)
        self.log(f"{name}_loss", loss, prog_bar=True, sync_dist=True)
        self.log(f"{name}_error_rate", ((scores > 0) != (y > 0.5)).float().mean(), prog_bar=name == "val")
        return loss

    def training_step(self, batch, index: int) -> torch.Tensor:
        return self.step(batch, "train")

    def validation_step(self, batch, index: int) -> None:
        self.step(batch, "val")

    def on_train_epoch_end(self) -> None:
        log.info("epoch %d done, no errors, 0 failed batches", self.current_epoch)
        if self.current_epoch % 10 == 3:
            warnings.warn("An output with one or more elements was resized; this may fail in a later version", stacklevel=2)

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-4)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=20)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": "val_loss"}}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--seconds-per-window", type=float, default=0.004)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    L.seed_everything(42)
    trainer = L.Trainer(
        max_epochs=100_000,
        max_time={"minutes": options.minutes},
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        logger=False,
        callbacks=[
            EarlyStopping("val_loss", patience=100_000),
            ModelCheckpoint("checkpoints", monitor="val_loss", save_top_k=2),
        ],
    )
    train = DataLoader(Windows(4096, options.seconds_per_window), batch_size=64, shuffle=True)
    trainer.fit(Detector(), train, DataLoader(Windows(512, options.seconds_per_window), batch_size=64))
    log.info("finished: best %.4f", trainer.checkpoint_callback.best_model_score)


if __name__ == "__main__":
    main()
