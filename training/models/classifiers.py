"""AlexNet, VGG16, ResNets and DenseNet-121 of IceBench: torchvision's networks with a first layer for our channels.

Only the layers that depend on channels and classes are replaced, as IceBench does. The first convolution of VGG16 is
3x3; all others have 7x7, stride 2, without bias, AlexNet too (torchvision's has 11x11, stride 4). All map (B, C, P, P)
float channels to (B, K) logits; adaptive pooling in front of the last layers makes them take any patch size P that
survives their strides (16 and more for ResNets, 32 and more for the others). torchvision is imported when one is built.

Parameters with 16 channels and 6 outputs, as published: AlexNet 57,055,302; VGG16 134,292,614; ResNet-50 23,561,094;
ResNet-101 42,553,222; ResNet-152 58,196,870; DenseNet-121 7,000,774.
"""

from collections.abc import Callable

from torch import nn


def torchvision_network(name: str, first: str) -> Callable[[int, int], nn.Module]:
    """Builder (in_channels, n_outputs) of a network of torchvision with fresh weights; `first` is its first layer."""

    def build(in_channels: int, n_outputs: int) -> nn.Module:
        from torchvision import models

        network: nn.Module = getattr(models, name)(weights=None, num_classes=n_outputs)
        if name == "vgg16":
            layer = nn.Conv2d(in_channels, 64, 3, padding=1)
        else:
            layer = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        network.set_submodule(first, layer)
        return network

    return build
