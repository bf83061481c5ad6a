"""The runs of the study: model, data, trainer options."""

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import data
import model
import torch
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint


@dataclass
class Run:
    model: Any
    data: Any = None
    trainer: dict = field(default_factory=dict)
    ckpt_path: str | None = None
    after: Any = None


TWO_PROCESSES = {"strategy": "ddp", "devices": 2}


def run(function):
    """A run without the usual noise of the progress bar."""

    @functools.wraps(function)
    def wrapped():
        made = function()
        made.trainer = {"enable_progress_bar": False, **made.trainer}
        return made

    return wrapped


@run
def baseline():
    return Run(model.Autoencoder(), trainer={"callbacks": [ModelCheckpoint(monitor="val_loss")]})


@run
def early_stopping():
    return Run(model.Autoencoder(), trainer={"callbacks": [EarlyStopping("val_f1", mode="max", patience=3)]})


@run
def early_stopping_typo():
    stop = EarlyStopping(monitor="validation_loss", patience=5, strict=True)
    return Run(model.Autoencoder(), trainer={"callbacks": [stop, ModelCheckpoint(monitor="val_loss")]})


@run
def best_checkpoint():
    return Run(model.Autoencoder(), trainer={"callbacks": [ModelCheckpoint(monitor="val_auc", mode="max")]})


@run
def plateau():
    return Run(model.PlateauAutoencoder())


@run
def plateau_other():
    return Run(model.PlateauAutoencoder("val_accuracy"))


@run
def patience():
    return Run(model.Autoencoder(), trainer={"callbacks": [EarlyStopping("val_loss", mode="maximum")]})


@run
def finite_only():
    stop = EarlyStopping("train_loss", check_finite=True, check_on_train_epoch_end=True, verbose=True)
    return Run(model.NanClassifier(), trainer={"callbacks": [stop]})


def progress_nan():
    return Run(model.NanClassifier(), trainer={"enable_progress_bar": True})


@run
def anomaly():
    return Run(model.NanClassifier(), trainer={"detect_anomaly": True})


@run
def stop_on_nan():
    return Run(model.StopOnNan())


@run
def gpu():
    return Run(model.Autoencoder(), trainer={"accelerator": "gpu", "devices": 1})


@run
def many_gpus():
    return Run(model.Autoencoder(), trainer={"accelerator": "auto", "devices": [0, 1]})


@run
def precision():
    return Run(model.Autoencoder(), trainer={"precision": "fp16"})


@run
def strategy():
    return Run(model.Autoencoder(), trainer={"strategy": "ddp2"})


@run
def accelerator():
    return Run(model.Autoencoder(), trainer={"accelerator": "cuda:0"})


@run
def old_options():
    return Run(model.Autoencoder(), trainer={"gpus": 1, "progress_bar_refresh_rate": 20})


@run
def val_interval():
    return Run(model.Autoencoder(), trainer={"val_check_interval": 500})


@run
def no_optimizer():
    return Run(model.NoOptimizer())


@run
def no_training_step():
    return Run(model.NoTrainingStep())


@run
def two_optimizers():
    return Run(model.TwoOptimizers())


@run
def epoch_end():
    return Run(model.EpochEndAutoencoder())


@run
def log_in_setup():
    return Run(model.LogsInTheWrongPlace())


@run
def log_vector():
    return Run(model.LogsVector())


@run
def detached():
    return Run(model.DetachedAutoencoder())


@run
def renamed():
    return Run(model.RenamedAttribute())


@run
def wrong_key():
    return Run(model.WrongKey(), trainer={"enable_progress_bar": True})


@run
def thresholds():
    return Run(model.ThresholdPerDataset())


@run
def wide():
    return Run(model.Autoencoder(width=32))


@run
def wide_windows():
    return Run(model.Classifier(), data.Windows(width=32))


@run
def hoarder():
    return Run(model.Hoarder())


@run
def more_classes():
    return Run(model.Classifier(classes=3))


@run
def batch_size():
    return Run(model.Autoencoder(), data.NestedWindows())


@run
def long_only():
    return Run(model.Autoencoder(), data.EmptyTrain())


@run
def split_file():
    return Run(model.Autoencoder(), data.BrokenSplit())


@run
def resume_missing():
    return Run(model.Autoencoder(), ckpt_path="experimentruns/set_01/teacher/best_model.ckpt")


@run
def resume_plain():
    """Resume from the exported weights instead of a Lightning checkpoint."""
    torch.save(model.Autoencoder().state_dict(), "exported.pt")
    return Run(model.Autoencoder(), ckpt_path="exported.pt")


@run
def resume_other():
    """Resume the small model from a checkpoint of the large one."""
    other = Run(model.Autoencoder(latent=8), trainer={"max_epochs": 1})
    import lightning as L

    trainer = L.Trainer(max_epochs=1, accelerator="cpu", enable_progress_bar=False, logger=False)
    trainer.fit(other.model, datamodule=data.Windows())
    trainer.save_checkpoint("large.ckpt")
    return Run(model.Autoencoder(), ckpt_path="large.ckpt")


@run
def lr_monitor():
    return Run(model.Autoencoder(), trainer={"logger": False, "callbacks": [LearningRateMonitor()]})


def exploding():
    return Run(model.Autoencoder(lr=math.exp(6)), trainer={"enable_progress_bar": True, "max_epochs": 4})


def workers_hint():
    """Healthy: few workers, short epochs, a checkpoint folder that is not empty."""
    return Run(model.Autoencoder(), data.Windows(workers=2), {"enable_progress_bar": True, "log_every_n_steps": 50})


@run
def soft_monitor():
    """Healthy: the metric is not there, but strict is off."""
    stop = EarlyStopping("val_f1", strict=False)
    return Run(model.Autoencoder(), trainer={"callbacks": [stop]})


@run
def ddp_labels():
    return Run(model.Classifier(classes=3), trainer=TWO_PROCESSES)


@run
def ddp_frozen():
    return Run(model.TwoHeads(), trainer=TWO_PROCESSES)


@run
def ddp_plain():
    return Run(model.Classifier(), trainer=TWO_PROCESSES)
