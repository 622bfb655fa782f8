"""The channels of a window in physical units, on the CPU and without torch.

What `datasets.loading.assemble` makes of a batch before it is normalized: coarse cells and tie points are interpolated
in the same way.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.grids import KM2_PIXELS, interpolate
from datasets.loading.scene_reader import SceneReader
from datasets.stores.packing import ZONES
from datasets.tie_grid import LATITUDE, LONGITUDE, wrapped

_LEAST_VALID: Final = 1e-3
"""Least weight of valid cells that makes a value, as for networks."""


def read_channels(
    reader: SceneReader, scene_id: str, line: int, sample: int, side: int, channels: Sequence[str]
) -> NDArray[np.float32]:
    """Reads a window that lies in its scene.

    Args:
        reader: Of these channels.
        scene_id: Which scene.
        line: First line at the reader's ratio.
        sample: First sample.
        side: Lines and samples.
        channels: In order.

    Returns:
        (channels, side, side) float32 in the units of each channel, NaN = no data.
    """
    lines, samples = slice(line, line + side), slice(sample, sample + side)
    planes: dict[str, NDArray[np.float32]] = {}
    if reader.sar_channels:
        dtype, unit, fill = reader.sar_form(scene_id)
        stored = np.empty((len(reader.sar_channels), side, side), dtype)
        reader.sar(scene_id, lines, samples, stored)
        values = np.where(stored == fill, np.float32(np.nan), stored * np.float32(unit))
        planes |= dict(zip(reader.sar_channels, values, strict=True))
    for name in reader.zone_channels:
        planes[name] = np.empty((side, side), np.float32)
        ZONES.unpack(reader.zones(scene_id, lines, samples), planes[name])
    planes |= {name: tie_field(reader, scene_id, name, lines, samples) for name in reader.tie_channels}
    if reader.km2_channels:
        planes |= dict(zip(reader.km2_channels, _km2(reader, scene_id, line, sample, side), strict=True))
    month = np.float32(reader.month(scene_id))
    found = np.empty((len(channels), side, side), np.float32)
    for plane, name in zip(found, channels, strict=True):
        plane[...] = month if CHANNELS[name].grid == "scene" else planes[name]
    return found


def tie_field(reader: SceneReader, scene_id: str, name: str, lines: slice, samples: slice) -> NDArray[np.float32]:
    """Latitude, longitude (-180..180) or incidence angle of the pixels of a window, float32 degrees."""
    ties = reader.tie_grid(scene_id)
    field: NDArray[np.floating] = ties.nodes((name,), (slice(None), slice(None)))[0]
    for axis, part in enumerate((lines, samples)):
        field = interpolate(field, ties.places(axis, part.start, part.stop, reader.ratio), axis)
    return (wrapped(field.astype(np.float64, copy=False)) if name == LONGITUDE else field).astype(np.float32)


def positions(
    reader: SceneReader, scene_id: str, lines: Sequence[float], samples: Sequence[float]
) -> NDArray[np.float64]:
    """(lines, samples, 2) longitude and latitude in degrees at places in pixels of the ratio, 0.0 being a corner."""
    ties, ratio = reader.tie_grid(scene_id), reader.ratio
    found: NDArray[np.floating] = ties.nodes((LONGITUDE, LATITUDE), (slice(None), slice(None)))
    for axis, (places, nodes) in enumerate(((lines, ties.lines), (samples, ties.samples)), start=1):
        raw = np.asarray(places, np.float64) * ratio - 0.5
        found = interpolate(found, np.interp(raw, nodes, np.arange(nodes.size)), axis)
    longitude, latitude = found.astype(np.float64, copy=False)
    return np.stack([wrapped(longitude), latitude], axis=-1)


def _km2(reader: SceneReader, scene_id: str, line: int, sample: int, side: int) -> NDArray[np.float32]:
    """Bilinear at the true centre of every pixel; cells without data have no weight."""
    cells, offset = reader.km2(scene_id, line, sample, reader.km2_shape(side, side))
    steps = np.arange(side) * (reader.ratio / KM2_PIXELS)
    of_lines, of_samples = (
        np.clip(1 - np.abs((first + steps)[:, None] - np.arange(count)), 0, None).astype(np.float32)
        for first, count in zip(offset, cells.shape[1:], strict=True)
    )
    known = np.isfinite(cells)
    total: NDArray[np.float32] = of_lines @ np.where(known, cells, np.float32(0)) @ of_samples.T
    if known.all():
        return total
    weight = of_lines @ known.astype(np.float32) @ of_samples.T
    enough = weight > _LEAST_VALID
    field: NDArray[np.float32] = np.where(enough, total / np.where(enough, weight, 1), np.float32(np.nan))
    return field
