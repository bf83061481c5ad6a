"""Models of the study."""

import lightning as L
import torch
from torch import nn
from torch.nn import functional as F


class Autoencoder(L.LightningModule):
    def __init__(self, width=24, latent=4, lr=1e-3):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, latent))
        self.decoder = nn.Sequential(nn.Linear(latent, 16), nn.ReLU(), nn.Linear(16, width))

    def loss_of(self, batch):
        return F.mse_loss(self.decoder(self.encoder(batch["signal"])), batch["signal"])

    def training_step(self, batch, batch_idx):
        loss = self.loss_of(batch)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss_of(batch), prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


class PlateauAutoencoder(Autoencoder):
    def __init__(self, monitor=None):
        super().__init__()
        self.monitor = monitor

    def configure_optimizers(self):
        optimizer = super().configure_optimizers()
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        found = {"optimizer": optimizer, "lr_scheduler": scheduler}
        return {**found, "lr_scheduler": {"scheduler": scheduler, "monitor": self.monitor}} if self.monitor else found


class NoOptimizer(Autoencoder):
    configure_optimizers = L.LightningModule.configure_optimizers


class NoTrainingStep(Autoencoder):
    training_step = L.LightningModule.training_step


class TwoOptimizers(Autoencoder):
    """A GAN-like pair of optimisers, written for Lightning 1.x."""

    def training_step(self, batch, batch_idx, optimizer_idx):
        return self.loss_of(batch)

    def configure_optimizers(self):
        return [torch.optim.Adam(self.encoder.parameters()), torch.optim.Adam(self.decoder.parameters())], []


class EpochEndAutoencoder(Autoencoder):
    """Hooks of Lightning 1.x."""

    def validation_epoch_end(self, outputs):
        self.log("val_mean", torch.stack(outputs).mean())


class LogsInTheWrongPlace(Autoencoder):
    def configure_optimizers(self):
        self.log("lr", self.hparams.lr)
        return super().configure_optimizers()


class LogsVector(Autoencoder):
    def training_step(self, batch, batch_idx):
        error = (self.decoder(self.encoder(batch["signal"])) - batch["signal"]).pow(2).mean(0)
        self.log("error_per_channel", error)
        return error.mean()


class DetachedAutoencoder(Autoencoder):
    def training_step(self, batch, batch_idx):
        with torch.no_grad():
            loss = self.loss_of(batch)
        return loss


class Classifier(L.LightningModule):
    """Uses the frozen encoder of an autoencoder."""

    def __init__(self, encoder=None, classes=4, lr=1e-3):
        super().__init__()
        self.encoder = encoder or Autoencoder().encoder
        self.head = nn.Linear(4, classes)
        self.lr = lr
        self.threshold = {"default": 0.5}

    def training_step(self, batch, batch_idx):
        logits = self.head(self.encoder(batch["signal"]))
        loss = F.cross_entropy(logits, batch["label"])
        self.log("train_loss", loss)
        self.log("train_acc", (logits.argmax(1) == batch["label"]).float().mean(), prog_bar=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)


class TwoHeads(Classifier):
    """The second head is for the next study."""

    def __init__(self):
        super().__init__()
        self.severity = nn.Linear(4, 1)


class RenamedAttribute(Classifier):
    def training_step(self, batch, batch_idx):
        logits = self.head(self.backbone(batch["signal"]))
        return F.cross_entropy(logits, batch["label"])


class WrongKey(Classifier):
    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self.head(self.encoder(batch["signal"])), batch["labels"])


class ThresholdPerDataset(Classifier):
    def on_train_epoch_end(self):
        self.log("threshold", self.threshold["hcrl"])


class Hoarder(Classifier):
    """Keeps pairwise distances of everything seen, for a plot at the end."""

    def on_train_batch_end(self, outputs, batch, batch_idx):
        kept = batch["signal"].repeat(1500, 1)
        self.distances = [*getattr(self, "distances", []), torch.cdist(kept, kept)]


class NanClassifier(Classifier):
    def training_step(self, batch, batch_idx):
        logits = self.head(self.encoder(batch["signal"]))
        probabilities = torch.softmax(logits * 1e4, 1)
        loss = -(probabilities * probabilities.log()).sum(1).mean()
        self.log("train_loss", loss, prog_bar=True)
        return loss


class StopOnNan(NanClassifier):
    def on_train_batch_end(self, outputs, batch, batch_idx):
        if torch.isnan(outputs["loss"]):
            raise ValueError(f"NaN loss at epoch {self.current_epoch}, batch {batch_idx}")
