"""Networks of torchvision with a first layer for our channels."""

import torch
from torch import nn

from training.models.classifiers import torchvision_network


def test_the_first_layer_takes_our_channels_and_is_the_published_one() -> None:
    for name, place in (("alexnet", "features.0"), ("resnet50", "conv1"), ("densenet121", "features.conv0")):
        network = torchvision_network(name, place)(5, 6)
        first = network.get_submodule(place)
        assert isinstance(first, nn.Conv2d)
        assert (first.in_channels, first.kernel_size, first.stride, first.bias) == (5, (7, 7), (2, 2), None)
    assert network.eval()(torch.zeros(1, 5, 32, 32)).shape == (1, 6)
