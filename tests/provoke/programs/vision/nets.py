"""Networks for 32 x 32 images."""

import torch
from torch import nn
from torch.nn import functional as F


class SmallNet(nn.Module):
    def __init__(self, channels=3, classes=10, hidden=256):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.head = nn.Linear(hidden, classes)

    def features(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        return F.max_pool2d(torch.relu(self.conv2(x)), 4)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


class FlattenNet(SmallNet):
    def forward(self, x):
        x = self.features(x)
        return self.head(x.view(-1, 16 * 5 * 5))


class StridedNet(SmallNet):
    def forward(self, x):
        x = self.features(x).permute(0, 2, 3, 1)
        return self.head(x.view(x.size(0), -1))


class ResidualNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.body = nn.Sequential(nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.head = nn.Linear(16, classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.body(x) + x
        return self.head(x.mean((2, 3)))


class UNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.down1 = nn.Conv2d(3, 8, 3, padding=1)
        self.down2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.out = nn.Conv2d(16, classes, 1)

    def forward(self, x):
        skip = torch.relu(self.down1(x))
        x = torch.relu(self.up(torch.relu(self.down2(skip))))
        return self.out(torch.cat([x, skip], dim=1)).mean((2, 3))


class DeepNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        widths = [3, 8, 16, 32, 64, 64]
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in zip(widths, widths[1:]))
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        for block in self.blocks:
            x = F.max_pool2d(torch.relu(block(x)), 2)
        return self.head(x.mean((2, 3)))


class NormHead(nn.Module):
    """Batch norm on the pooled features, as in the projector of SimCLR."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.projector = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, classes))

    def forward(self, x):
        return self.projector(torch.relu(self.conv(x)).mean((2, 3)))


class PatchTransformer(nn.Module):
    def __init__(self, width=64, heads=4, norm_width=64, classes=10):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, stride=8)
        self.position = nn.Parameter(torch.zeros(1, 16, width))
        self.encoder = nn.TransformerEncoderLayer(width, heads, 128, batch_first=True)
        self.norm = nn.LayerNorm(norm_width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.norm(self.encoder(x)).mean(1))


class FeatureNet(SmallNet):
    """Works on cached backbone features."""

    def __init__(self, hidden=128, half=False, classes=10):
        super().__init__(hidden=hidden, classes=classes)
        if half:
            self.half()

    def forward(self, x):
        return self.head(x)


class LazyInitNet(SmallNet):
    """Parameters are created on the meta device and filled by `materialize`, which large models do."""

    def __init__(self, only_head=False):
        super().__init__()
        if only_head:
            self.head = nn.Linear(256, 10, device="meta")
        else:
            self.to("meta")


class InplaceNet(SmallNet):
    def forward(self, x):
        x = torch.sigmoid(self.features(x).flatten(1))
        gate = x.mul_(2).sub_(1)
        return self.head(gate)


class FrozenNet(SmallNet):
    def __init__(self):
        super().__init__()
        for parameter in self.parameters():
            parameter.requires_grad = False


class LogNet(SmallNet):
    """Returns logarithms of a normalised score: unstable on purpose where the sum is negative."""

    def forward(self, x):
        scores = super().forward(x)
        return torch.log(scores / scores.sum(1, keepdim=True))


class AttentionNet(PatchTransformer):
    def __init__(self):
        super().__init__()
        self.mask = torch.zeros(25, 25)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.encoder(x, src_mask=self.mask).mean(1))
