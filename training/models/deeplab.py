"""DeepLabV3 of IceBench: the first two stages of ResNet-18 (1/8 of the size), ASPP to 128, a head of two convolutions.

ASPP (Chen et al. 2017, arXiv:1706.05587) has rates 12, 24, 36. With 16 channels and 7 outputs this is 1,431,047
parameters, as published; with our 6 outputs (the 7th class can never be a target) 1,430,918.

Only the pooled branch differs from what was published. The paper pools over the whole map, so that a scene cut
in tiles would not give the same map as the scene in one piece. IceBench pools over windows of 8 x 8 cells, which keeps
the field of view bounded, but its code fails on patches below 64 pixels, drops the remaining cells at the border, and
stretches the coarse map by a factor that depends on the size of the scene. Here the same windows are cut off at the
border, their means are over the cells that exist, and upsampling is by exactly 8: with sides that are multiples of 64
this is IceBench's network, and every other size works too. The parameters are the same in all three.

A scene gives the same in tiles as in one piece where tiles start at multiples of 64 pixels (8 x 8, a pooling window)
and see 448 pixels around them: ResNet 49, the widest rate 36 x 8, the convolution behind ASPP 8, and growing to full
size 12 are 357, rounded up to whole windows.

Shapes: B batch, C channels, F features, H lines, W samples, h and w of a coarser map, K classes.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

RATES = (12, 24, 36)
FEATURES = 128
STRIDE = 8
WINDOW = 8


def _grow(x_BFHW: torch.Tensor, factor: int, height: int, width: int) -> torch.Tensor:
    """Bilinear upsampling by exactly `factor`, cut to (height, width): independent of the extent of the scene."""
    grown_BFHW = F.interpolate(x_BFHW, scale_factor=float(factor), mode="bilinear", align_corners=False)
    return grown_BFHW[..., :height, :width]


class WindowPooling(nn.Sequential):
    """Pooled branch of ASPP: means of 8 x 8 cells, cut off at the border, then 1x1 convolution, and back to size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            # Nothing is padded, so ceil_mode divides by the cells that exist.
            nn.AvgPool2d(WINDOW, WINDOW, ceil_mode=True),
            nn.Conv2d(inputs, outputs, kernel_size=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x_BFHW: torch.Tensor) -> torch.Tensor:
        """(B, F, H, W) -> (B, outputs, H, W)."""
        pooled_BFhw = x_BFHW
        for layer in self:
            pooled_BFhw = layer(pooled_BFhw)
        return _grow(pooled_BFhw, WINDOW, *x_BFHW.shape[-2:])


class DeepLabV3(nn.Module):
    """(B, C, H, W) float channels -> (B, K, H, W) logits, for any H and W from 1.

    Batch norm of the pooled branch needs two windows in a training batch: two patches, or more than 64 pixels.
    """

    def __init__(self, in_channels: int, n_outputs: int) -> None:
        from torchvision.models import resnet18
        from torchvision.models.segmentation.deeplabv3 import ASPP

        super().__init__()
        resnet = resnet18(weights=None)
        resnet.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        stages = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2")
        # The names of ResNet-18 are kept, so that its ImageNet weights fit.
        self.encoder = nn.Sequential(OrderedDict((name, getattr(resnet, name)) for name in stages))
        self.aspp = ASPP(FEATURES, list(RATES), FEATURES)
        self.aspp.convs[-1] = WindowPooling(FEATURES, FEATURES)
        self.fuse = nn.Sequential(
            nn.Conv2d(FEATURES, FEATURES, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(FEATURES),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Conv2d(FEATURES, n_outputs, kernel_size=1)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Logits (B, K, H, W)."""
        features_BFHW = self.fuse(self.aspp(self.encoder(x_BCHW)))
        return _grow(self.head(features_BFHW), STRIDE, *x_BCHW.shape[-2:])
