"""A batch -> the input of a network, on the device: normalization, and AMSR2 and ERA5 interpolated to every pixel.

Shapes: B batch, C channels, H lines, W samples; S SAR-grid channels, K 2 km channels, h x w coarse cells.
"""

from collections.abc import Sequence

import torch

from datasets.channels import CHANNELS
from datasets.grids import KM2_PIXELS
from datasets.loading.batches import Batch
from datasets.loading.normalize import Normalization


class Assembler:
    """Makes x (B, C, H, W) float32 of a batch: normalized, 0 where there is no data, channels in order.

    Bilinear interpolation at the true centre of every pixel, the same for patches and whole scenes: between two cells
    each weighs by its nearness, so along an axis the weights are a small matrix and a patch is two products with it.

    Args:
        normalization: Channel statistics; its order is the order of the channels.
        ratio: Downscale ratio of the SAR-grid channels.
        device: Where to compute.
    """

    def __init__(self, normalization: Normalization, *, ratio: int, device: torch.device) -> None:
        self._step = ratio / KM2_PIXELS
        self._size = len(normalization.channels)
        self._device = device
        grids = [CHANNELS[name].grid for name in normalization.channels]
        self._sar, self._km2, self._scene = (
            _Part([place for place, own in enumerate(grids) if own == grid], normalization, device)
            for grid in ("sar", "km2", "scene")
        )

    def __call__(self, batch: Batch) -> torch.Tensor:
        """The input x (B, C, H, W) of a batch that is on the device."""
        count, _, height, width = batch.sar.shape
        x_BCHW = torch.empty(count, self._size, height, width, device=self._device)
        if self._sar.places:
            self._sar.write(x_BCHW, self._sar.normalized(batch.sar))
        if self._km2.places:
            lines_BHh = self._weights(batch.offset[:, 0], height, batch.km2.shape[2])
            samples_BWw = self._weights(batch.offset[:, 1], width, batch.km2.shape[3])
            cells_BKhw = self._km2.normalized(batch.km2)
            columns_BKhW = cells_BKhw @ samples_BWw.transpose(1, 2)[:, None]
            self._km2.write(x_BCHW, lines_BHh[:, None] @ columns_BKhW)
        if self._scene.places:
            self._scene.write(x_BCHW, self._scene.normalized(batch.month[:, None, None, None]))
        return x_BCHW

    def _weights(self, offset_B: torch.Tensor, length: int, cells: int) -> torch.Tensor:
        """(B, length, cells): weight of every cell for every pixel."""
        pixels = torch.arange(length, device=self._device) * self._step
        places_BH = offset_B[:, None] + pixels
        nodes = torch.arange(cells, device=self._device)
        return (1 - (places_BH[:, :, None] - nodes).abs()).clamp(min=0)


class _Part:
    """The channels of one grid: their places in x, and their statistics."""

    def __init__(self, places: Sequence[int], normalization: Normalization, device: torch.device) -> None:
        self.places = list(places)
        # A slice is written without a scatter; the channels of a grid are mostly side by side.
        in_row = self.places == list(range(self.places[0], self.places[0] + len(self.places))) if self.places else True
        self._index = (
            slice(self.places[0], self.places[-1] + 1)
            if self.places and in_row
            else torch.tensor(self.places, device=device)
        )
        self._mean = _column([normalization.mean[place] for place in self.places], device)
        self._scale = _column([1.0 / normalization.std[place] for place in self.places], device)

    def normalized(self, values: torch.Tensor) -> torch.Tensor:
        """(x - mean) / std of each channel, then 0 where that is no finite number."""
        scaled = (values - self._mean) * self._scale
        return scaled.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)

    def write(self, x_BCHW: torch.Tensor, values: torch.Tensor) -> None:
        """Puts the channels into x, broadcast over what `values` lacks."""
        x_BCHW[:, self._index] = values


def _column(values: Sequence[float], device: torch.device) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
