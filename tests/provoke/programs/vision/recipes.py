"""What can be trained: a network, its data, its loss."""

from functools import partial

import datasets
import losses
import nets
import torch
from torch import nn

ce = nn.CrossEntropyLoss()
bce = nn.BCEWithLogitsLoss()

RECIPES = {
    # shapes
    "large": (nets.SmallNet, datasets.large_images, ce),
    "gray": (nets.SmallNet, datasets.mnist, ce),
    "residual": (nets.ResidualNet, datasets.cifar, ce),
    "flatten": (nets.FlattenNet, datasets.cifar, ce),
    "strided": (nets.StridedNet, datasets.cifar, ce),
    "unet": (nets.UNet, datasets.odd_images, ce),
    "attributes": (partial(nets.SmallNet, classes=1), datasets.attributes, bce),
    "views": (nets.SmallNet, datasets.cifar, losses.pairwise),
    "deep": (nets.DeepNet, datasets.cifar, ce),
    "simclr": (nets.NormHead, datasets.uneven, ce),
    "vit": (partial(nets.PatchTransformer, norm_width=96), datasets.cifar, ce),
    "vit-heads": (partial(nets.PatchTransformer, heads=6), datasets.cifar, ce),
    "vit-mask": (nets.AttentionNet, datasets.cifar, ce),
    "weighted": (nets.SmallNet, datasets.cifar, losses.class_weighted),
    # dtypes
    "numpy": (nets.SmallNet, datasets.numpy_images, ce),
    "bytes": (nets.SmallNet, datasets.byte_images, ce),
    "features64": (nets.FeatureNet, partial(datasets.features, dtype=torch.float64), ce),
    "features-half": (partial(nets.FeatureNet, half=True), datasets.features, ce),
    "float-labels": (nets.SmallNet, datasets.float_labels, ce),
    "integer-mse": (nets.SmallNet, datasets.cifar, losses.integer_mse),
    # devices
    "lazy": (nets.LazyInitNet, datasets.cifar, ce),
    "lazy-head": (partial(nets.LazyInitNet, only_head=True), datasets.cifar, ce),
    # autograd
    "gated": (nets.InplaceNet, datasets.cifar, ce),
    "frozen": (nets.FrozenNet, datasets.cifar, ce),
    "per-sample": (nets.SmallNet, datasets.cifar, losses.per_sample),
    "ordinal": (nets.SmallNet, datasets.cifar, losses.ordinal),
    "baseline": (nets.SmallNet, datasets.cifar, losses.Momentum()),
    # labels
    "fine": (nets.SmallNet, datasets.fine_labels, ce),
    "void": (nets.SmallNet, datasets.with_void, ce),
    "one-hot": (nets.SmallNet, datasets.fine_labels, losses.one_hot_mse),
    "margin": (nets.SmallNet, datasets.fine_labels, losses.margin),
    "prototypes": (nets.SmallNet, datasets.fine_labels, losses.prototypes),
    "histogram": (nets.SmallNet, datasets.fine_labels, losses.histogram),
    "attribute-counts": (
        partial(nets.SmallNet, classes=1),
        datasets.attribute_counts,
        lambda outputs, targets: nn.functional.binary_cross_entropy(outputs.sigmoid(), targets),
    ),
    # numerics
    "log-scores": (nets.LogNet, datasets.cifar, losses.checked_cross_entropy),
    "confidence": (nets.SmallNet, datasets.cifar, losses.log_confidence),
    "distance": (nets.SmallNet, datasets.cifar, losses.root_distance),
    "sensors": (nets.FeatureNet, datasets.dirty_features, losses.checked_cross_entropy),
    "brightness": (partial(nets.FeatureNet, classes=1), datasets.features, losses.sum_squares),
    "features": (nets.FeatureNet, datasets.features, ce),
    "cifar": (nets.SmallNet, datasets.cifar, ce),
}
