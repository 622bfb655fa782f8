"""AlexNet, VGG16, ResNets and DenseNet-121 of IceBench: torchvision's networks with a first layer for our channels.

Only the layers that depend on channels and classes are replaced, as IceBench does. All map (B, C, P, P) float channels
to (B, K) logits; adaptive pooling in front of the last layers makes them take any patch size P that survives their
strides (16 and more for ResNets, 32 and more for the others). torchvision is imported when one is built.

Parameters with 16 channels and 6 outputs, as published: AlexNet 57,055,302; VGG16 134,292,614; ResNet-50 23,561,094;
ResNet-101 42,553,222; ResNet-152 58,196,870; DenseNet-121 7,000,774.
"""

from collections.abc import Callable
from typing import Any

from torch import nn


def alexnet(in_channels: int, n_outputs: int) -> nn.Module:
    """AlexNet whose first convolution is 7x7, stride 2, without bias (IceBench; torchvision has 11x11, stride 4)."""
    from torchvision.models import alexnet as build

    network: Any = build(weights=None, num_classes=n_outputs)
    network.features[0] = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
    return _module(network)


def vgg16(in_channels: int, n_outputs: int) -> nn.Module:
    """VGG16 without batch norm."""
    from torchvision.models import vgg16 as build

    network: Any = build(weights=None, num_classes=n_outputs)
    network.features[0] = nn.Conv2d(in_channels, 64, 3, padding=1)
    return _module(network)


def resnet(depth: int) -> Callable[[int, int], nn.Module]:
    """Builder of ResNet-50, -101 or -152 with the usual first convolution."""

    def build(in_channels: int, n_outputs: int) -> nn.Module:
        from torchvision import models

        network: Any = getattr(models, f"resnet{depth}")(weights=None, num_classes=n_outputs)
        network.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        return _module(network)

    return build


def densenet121(in_channels: int, n_outputs: int) -> nn.Module:
    """DenseNet-121 with the usual first convolution."""
    from torchvision.models import densenet121 as build

    network: Any = build(weights=None, num_classes=n_outputs)
    network.features.conv0 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
    return _module(network)


def _module(network: Any) -> nn.Module:  # noqa: ANN401 (torchvision is untyped)
    module: nn.Module = network
    return module
