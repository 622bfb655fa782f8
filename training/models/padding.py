"""Makes pixel-based networks whose sides must be multiples of a number work on scenes of any size."""

import torch
from torch import nn
from torch.nn import functional as F


class AnySize(nn.Module):
    """Pads at the far sides by repeating the border, runs the network, and crops its output to the size of the input.

    (B, C, H, W) -> (B, K, H, W). Padding only at the far sides does not shift the grid of the network.

    Args:
        network: Maps (B, C, H', W') to (B, K, H', W') for sides that are multiples of `multiple`.
        multiple: Multiple that the sides must have.
        least: Shortest side that the network takes; a multiple of `multiple`.
    """

    def __init__(self, network: nn.Module, multiple: int, least: int = 1) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple
        self.least = least

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Output of the network for every pixel of the input."""
        height, width = x_BCHW.shape[-2:]
        below, beyond = self._missing(height), self._missing(width)
        if below or beyond:
            x_BCHW = F.pad(x_BCHW, (0, beyond, 0, below), mode="replicate")
        y_BKHW: torch.Tensor = self.network(x_BCHW)
        return y_BKHW[..., :height, :width] if below or beyond else y_BKHW

    def _missing(self, side: int) -> int:
        return max(-(-side // self.multiple) * self.multiple, self.least) - side


def plain(model: nn.Module) -> nn.Module:
    """The network inside an `AnySize`, or the network itself."""
    return model.network if isinstance(model, AnySize) else model
