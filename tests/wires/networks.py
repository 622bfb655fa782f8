"""A network for either task, in a few lines: what trials of the table are made of where the U-Net is not meant."""

import torch
from torch import nn


class Plain(nn.Module):
    """Two convolutions, (B, C, H, W) -> (B, K, H, W); with `pooled` the mean over the patch, (B, K)."""

    def __init__(self, in_channels: int, n_outputs: int, width: int = 4, pooled: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, width, kernel_size=3, padding=1)
        self.last = nn.Conv2d(width, n_outputs, kernel_size=3, padding=1)
        self.pooled = pooled

    @property
    def encoder(self) -> nn.Module:
        """What makes features."""
        return self.first

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Logits."""
        y_BKHW: torch.Tensor = self.last(self.first(x_BCHW).relu())
        return y_BKHW.mean(dim=(2, 3)) if self.pooled else y_BKHW
