"""A batch -> the input of a network, on the device: unpacked, normalized, coarse grids interpolated to every pixel.

Shapes: B batch, C channels, H lines, W samples; T channels of n x m tie points, K channels of h x w cells of 2 km.
"""

from collections.abc import Sequence
from typing import Final

import torch

from datasets.channels import CHANNELS, LAND
from datasets.grids import KM2_PIXELS
from datasets.loading.batch import Batch
from datasets.loading.normalize import DECIBELS, Normalization
from datasets.stores.packing import ZONES
from datasets.tie_grid import LONGITUDE, TIE_CHANNELS

_LEAST_VALID: Final = 1e-3
"""Least weight of valid cells that makes a value; what is below is the rounding of 1 - 1."""


class Assembler:
    """Makes x (B, C, H, W) float32 of a batch: normalized, 0 where there is no data, channels in order.

    Bilinear interpolation at the true centre of every pixel, the same for patches and whole scenes: between two cells
    each weighs by its nearness, so along an axis the weights are a small matrix and a patch is two products with it.
    Cells without data have no weight; a pixel has no data where none of its cells has.

    Args:
        normalization: Channel statistics; its order is the order of the channels of x.
        ratio: Downscale ratio of the SAR-grid channels.
        device: Where to compute.
    """

    def __init__(self, normalization: Normalization, *, ratio: int, device: torch.device) -> None:
        read = tuple(dict.fromkeys(normalization.channels))  # what batches hold, in this order
        self._step = ratio / KM2_PIXELS
        self._size = len(normalization.channels)
        self._device = device
        grids = [_source_of(name) for name in normalization.channels]
        self._sar, self._zones, self._ties, self._km2, self._scene = (
            _Part(
                [place for place, own in enumerate(grids) if own == grid],
                [name for name in read if _source_of(name) == grid],
                normalization,
                device,
            )
            for grid in ("sar", "zones", "ties", "km2", "scene")
        )
        fields = [normalization.channels[place] for place in self._ties.places]
        self._longitudes = [place for place, name in enumerate(fields) if name == LONGITUDE]
        self._decibels = DECIBELS.get(normalization.sar)

    def __call__(self, batch: Batch) -> torch.Tensor:
        """The input x (B, C, H, W) of a batch that is on the device."""
        count, _, height, width = batch.zones.shape
        x_BCHW = torch.empty(count, self._size, height, width, device=self._device)
        if self._sar.places:
            self._sar.write(x_BCHW, self._sar.unpacked(batch.sar, batch.sar_unit, batch.sar_fill, self._decibels))
        if self._zones.places:
            self._zones.write(x_BCHW, self._zones.unpacked(batch.zones, ZONES.scale, ZONES.fill))
        if self._ties.places:
            columns_BTnW = self._ties.normalized(self._ties.of(batch.nodes)) @ batch.samples.transpose(1, 2)[:, None]
            fields_BTHW = batch.lines[:, None] @ columns_BTnW
            for place in self._longitudes:
                self._ties.wrap(fields_BTHW, place)
            self._ties.write(x_BCHW, fields_BTHW)
        if self._km2.places:
            lines_BHh = self._weights(batch.offset[:, 0], height, batch.km2.shape[2])
            samples_BWw = self._weights(batch.offset[:, 1], width, batch.km2.shape[3])
            cells_BKhw = self._km2.of(batch.km2)
            fields_BKHW = _interpolated(self._km2.normalized(cells_BKhw), lines_BHh, samples_BWw)
            missing_BKhw = ~cells_BKhw.isfinite()
            # On another device the answer would have to be waited for, which costs more than the products.
            if missing_BKhw.device.type != "cpu" or missing_BKhw.any():
                valid_BKHW = 1 - _interpolated(missing_BKhw.to(fields_BKHW.dtype), lines_BHh, samples_BWw)
                fields_BKHW = torch.where(valid_BKHW > _LEAST_VALID, fields_BKHW / valid_BKHW, 0.0)
            self._km2.write(x_BCHW, fields_BKHW)
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
    """The channels of one grid: their places in x, and their statistics; `read` are the planes that batches hold."""

    def __init__(
        self, places: Sequence[int], read: Sequence[str], normalization: Normalization, device: torch.device
    ) -> None:
        self.places = list(places)
        planes = [read.index(normalization.channels[place]) for place in self.places]
        self._planes = None if planes == list(range(len(read))) else torch.tensor(planes, device=device)
        # A slice is written without a scatter; the channels of a grid are mostly side by side.
        in_row = self.places == list(range(self.places[0], self.places[0] + len(self.places))) if self.places else True
        self._index = (
            slice(self.places[0], self.places[-1] + 1)
            if self.places and in_row
            else torch.tensor(self.places, device=device)
        )
        self._mean = _column([normalization.mean[place] for place in self.places], device)
        self._scale = _column([1.0 / normalization.std[place] for place in self.places], device)

    def of(self, planes: torch.Tensor) -> torch.Tensor:
        """What a batch holds, (B, planes, ...), as (B, channels, ...): some planes several times, others not at all."""
        return planes if self._planes is None else planes.index_select(1, self._planes)

    def normalized(self, values: torch.Tensor) -> torch.Tensor:
        """(x - mean) / std of each channel, then 0 where that is no finite number."""
        scaled = (values - self._mean) * self._scale
        return scaled.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)

    def unpacked(self, stored: torch.Tensor, unit: float, fill: float, decibels: float | None = None) -> torch.Tensor:
        """As `normalized`, of whole numbers of a unit with `fill` for no data; float32 values are in units already.

        Values in dB are turned into linear units where it is given how many `decibels` make them ten times as large.
        """
        stored = self.of(stored)
        values = stored if stored.is_floating_point() else stored.float() * unit
        values = values if decibels is None else 10 ** (values / decibels)
        if stored.is_floating_point():
            return self.normalized(values)
        scaled = (values - self._mean) * self._scale
        return scaled.masked_fill_(stored == fill, 0.0)

    def wrap(self, normalized: torch.Tensor, place: int) -> None:
        """Brings longitudes beyond the antimeridian back into -180..180, in place; normalized as they are."""
        plane, mean, scale = normalized[:, place], self._mean[place], self._scale[place]
        plane -= 360.0 * scale * (plane > (180.0 - mean) * scale)
        plane += 360.0 * scale * (plane < (-180.0 - mean) * scale)

    def write(self, x_BCHW: torch.Tensor, values: torch.Tensor) -> None:
        """Puts the channels into x, broadcast over what `values` lacks."""
        x_BCHW[:, self._index] = values


def _interpolated(cells_BKhw: torch.Tensor, lines_BHh: torch.Tensor, samples_BWw: torch.Tensor) -> torch.Tensor:
    """(B, K, H, W) of cells, by the weights of each for lines and samples."""
    return lines_BHh[:, None] @ (cells_BKhw @ samples_BWw.transpose(1, 2)[:, None])


def _source_of(channel: str) -> str:
    """Which part of a batch a channel comes in."""
    if CHANNELS[channel].grid != "sar":
        return CHANNELS[channel].grid
    return "ties" if channel in TIE_CHANNELS else "zones" if channel == LAND else "sar"


def _column(values: Sequence[float], device: torch.device) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
