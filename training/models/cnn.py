"""Small convolutional network of IceBench, after the NERSC sea-ice type CNN (nansencenter/s1_icetype_cnn).

Three 3x3 convolutions of 32 without padding, each with batch norm and a leaky ReLU, the mean over the rest of the
patch, and one linear layer: 23,526 parameters with 16 channels and 6 outputs, as published. The NERSC network that it
is named after pools between its convolutions and has four linear layers; this is what IceBench trains.

Shapes: B batch, C channels, F filters, H lines, W samples, K classes.
"""

import torch
from torch import nn

FILTERS = 32
"""Filters of every convolution (IceBench model_cnn)."""


def _conv(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, FILTERS, kernel_size=3),
        nn.BatchNorm2d(FILTERS),
        nn.LeakyReLU(negative_slope=0.01, inplace=True),
    )


class CNN(nn.Module):
    """(B, C, H, W) float channels -> (B, K) logits, for patches of 7 x 7 pixels and more."""

    def __init__(self, in_channels: int, n_outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(_conv(in_channels), _conv(FILTERS), _conv(FILTERS))
        self.head = nn.Linear(FILTERS, n_outputs)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Logits (B, K)."""
        x_BFHW = self.features(x_BCHW)
        logits_BK: torch.Tensor = self.head(x_BFHW.mean(dim=(2, 3)))
        return logits_BK
