"""Windows of sensor signals, as a LightningDataModule."""

import lightning as L
import torch
from torch.utils.data import DataLoader, Dataset


class WindowSet(Dataset):
    def __init__(self, n, width, classes):
        g = torch.Generator().manual_seed(n)
        self.x = torch.randn(n, width, generator=g)
        self.y = torch.randint(classes, (n,), generator=g)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return {"signal": self.x[index], "label": self.y[index]}


class Windows(L.LightningDataModule):
    def __init__(self, n=96, width=24, classes=4, batch_size=16, workers=0, with_val=True):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage):
        self.train_set = WindowSet(self.hparams.n, self.hparams.width, self.hparams.classes)
        self.val_set = WindowSet(32, self.hparams.width, self.hparams.classes)

    def train_dataloader(self):
        return DataLoader(self.train_set, self.hparams.batch_size, shuffle=True, num_workers=self.hparams.workers)

    def val_dataloader(self):
        return DataLoader(self.val_set, self.hparams.batch_size) if self.hparams.with_val else []


class NestedWindows(Windows):
    """Yields a description beside the tensors, so that the batch size is not obvious."""

    def train_dataloader(self):
        return DataLoader(self.train_set, 16, collate_fn=Described)

    def val_dataloader(self):
        return DataLoader(self.val_set, 16, collate_fn=Described)


class Described:
    def __init__(self, items):
        self.signal = torch.stack([item["signal"] for item in items])
        self.label = torch.stack([item["label"] for item in items])

    def __getitem__(self, key):
        return getattr(self, key)


class BrokenSplit(Windows):
    def setup(self, stage):
        super().setup(stage)
        indices = self.hparams.split["train"]
        self.train_set = torch.utils.data.Subset(self.train_set, indices)


class EmptyTrain(Windows):
    """Keeps what is longer than the minimum, which is nothing."""

    def setup(self, stage):
        super().setup(stage)
        keep = [i for i in range(len(self.train_set)) if len(self.train_set[i]["signal"]) > 100]
        self.train_set = torch.utils.data.Subset(self.train_set, keep)
