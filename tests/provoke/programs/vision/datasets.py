"""Synthetic images with the sizes of well-known sets."""

import torch
from torch.utils.data import TensorDataset


def cifar(n=64, channels=3, size=32, classes=10, seed=0):
    g = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.rand(n, channels, size, size, generator=g), torch.randint(classes, (n,), generator=g))


def mnist(n=64):
    return cifar(n, channels=1)


def large_images(n=32):
    return cifar(n, size=48)


def odd_images(n=32):
    return cifar(n, size=35)


def uneven(n=65):
    """One image more than whole batches."""
    return cifar(n)


def fine_labels(n=64):
    """The hundred fine classes of CIFAR-100."""
    return cifar(n, classes=100)


def with_void(n=64):
    """Label -1 marks what the annotators left out."""
    images, labels = cifar(n).tensors
    labels[::5] = -1
    return TensorDataset(images, labels)


def float_labels(n=64):
    images, labels = cifar(n).tensors
    return TensorDataset(images, labels.float())


def attributes(n=64):
    """One binary attribute per image, 0 or 1."""
    images, labels = cifar(n, classes=2).tensors
    return TensorDataset(images, labels.float())


def attribute_counts(n=64):
    images, labels = cifar(n, classes=3).tensors
    return TensorDataset(images, labels.float().unsqueeze(1))


def numpy_images(n=64):
    """As numpy gives them: float64."""
    images, labels = cifar(n).tensors
    return TensorDataset(images.double(), labels)


def byte_images(n=64):
    images, labels = cifar(n).tensors
    return TensorDataset((images * 255).byte(), labels)


def features(n=64, width=128, dtype=torch.float32):
    g = torch.Generator().manual_seed(1)
    return TensorDataset(torch.randn(n, width, generator=g, dtype=dtype), torch.randint(10, (n,), generator=g))


def dirty_features(n=64):
    """Some sensors were off: NaN in the inputs."""
    x, y = features(n).tensors
    x[7, 3] = float("nan")
    return TensorDataset(x, y)
