"""AlexNet, VGG16, ResNets and DenseNet-121 of IceBench: torchvision's networks with a first layer for our channels.

Only the layers that depend on channels and classes are replaced, as IceBench does. All map (B, C, P, P) float channels
to (B, K) logits; adaptive pooling in front of the last layers makes them take any patch size P that survives their
strides (16 and more for ResNets, 32 and more for the others). torchvision is imported when one is built.

Parameters with 16 channels and 6 outputs, as published: AlexNet 57,055,302; VGG16 134,292,614; ResNet-50 23,561,094;
ResNet-101 42,553,222; ResNet-152 58,196,870; DenseNet-121 7,000,774.
"""

from collections.abc import Callable
from functools import partial

from torch import nn


def alexnet(in_channels: int, n_outputs: int) -> nn.Module:
    """AlexNet whose first convolution is 7x7, stride 2, without bias (IceBench; torchvision has 11x11, stride 4)."""
    return _torchvision("alexnet", n_outputs, "features.0", partial(_first, in_channels))


def vgg16(in_channels: int, n_outputs: int) -> nn.Module:
    """VGG16 without batch norm."""
    return _torchvision("vgg16", n_outputs, "features.0", lambda: nn.Conv2d(in_channels, 64, 3, padding=1))


def resnet(depth: int) -> Callable[[int, int], nn.Module]:
    """Builder of ResNet-50, -101 or -152 with the usual first convolution."""
    return lambda in_channels, n_outputs: _torchvision(
        f"resnet{depth}", n_outputs, "conv1", partial(_first, in_channels)
    )


def densenet121(in_channels: int, n_outputs: int) -> nn.Module:
    """DenseNet-121 with the usual first convolution."""
    return _torchvision("densenet121", n_outputs, "features.conv0", partial(_first, in_channels))


def _first(in_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)


def _torchvision(name: str, n_outputs: int, place: str, first: Callable[[], nn.Conv2d]) -> nn.Module:
    """A network of torchvision with fresh weights, then another first convolution."""
    from torchvision import models

    network: nn.Module = getattr(models, name)(weights=None, num_classes=n_outputs)
    parent, _, leaf = place.rpartition(".")
    setattr(network.get_submodule(parent), leaf, first())
    return network
