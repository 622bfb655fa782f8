"""One scene from its lake to a scene map on disk, tile by tile; no more than a few tiles of it are in memory.

While the networks are at a tile, one thread reads the next one's inputs and another encodes and writes the one before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.grids import pixel_spacing
from datasets.labels import Chart
from datasets.loading.scene_reader import SceneReader
from datasets.loading.windows import LAND as ZONES
from datasets.loading.windows import land_pixels
from datasets.scene import SceneRecord
from datasets.stores.raster_writer import RasterWriter
from training.evaluation.predict import read_ahead
from training.evaluation.tiles import Tile, Tiling
from training.prediction.georeference import Georeference
from training.prediction.layers import Ensemble
from training.prediction.networks import HH, Networks, distinct
from training.prediction.scene_map import (
    DIMS,
    SYNTHETIC,
    class_attributes,
    class_dim,
    entropy_name,
    layer_attributes,
    positions_attributes,
    probability_name,
    spread_name,
)

_POSITIONS: Final = ("latitude", "longitude")
_LINES_AT_ONCE: Final = 64
"""Of latitudes and longitudes, which are computed in float64."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A tile of a map: layers by name, (h, w) or (n, h, w) uint8."""

    tile: Tile
    layers: dict[str, NDArray[np.uint8]]


def predict_scene_map(
    networks: Networks,
    reader: SceneReader,
    scene_id: str,
    tiling: Tiling,
    path: Path,
    *,
    advance: Callable[[int], None] = lambda pixels: None,
) -> None:
    """Writes the map of one scene as `training.prediction.scene_map` says; it is there when it is whole.

    `reader` reads HH and the zones of distance to land; `advance` is told how many pixels each tile had.

    Raises:
        TiePointsError: The scene's tie points place it nowhere.
    """
    scene = networks.members[0].inputs.reader.lake.scene(scene_id)
    shape, places = scene.shape(networks.ratio), Georeference.of(scene, networks.ratio)
    steps = _steps(tiling, shape)

    def write(block: Block) -> int:
        where = (block.tile.lines, block.tile.samples)
        for name, values in block.layers.items():
            writer.put(name, (slice(None), *where) if values.ndim > 2 else where, values)
        if block.tile.samples.start == 0:
            for name, degrees in zip(_POSITIONS, _positions(places, block.tile.lines), strict=True):
                writer.put(name, (block.tile.lines, slice(None)), degrees)
        return block.layers[networks.charts[0].name].size

    with RasterWriter(path) as writer:
        writer.describe(_attributes(networks, scene.record))
        _add_arrays(writer, networks, shape, steps)
        for pixels in read_ahead(predict_blocks(networks, reader, scene_id, tiling), write):
            advance(pixels)


def predict_blocks(networks: Networks, reader: SceneReader, scene_id: str, tiling: Tiling) -> Iterator[Block]:
    """The tiles of a scene's map, line of tiles after line of tiles."""
    members = networks.members
    sights = [(member.inputs.scene(scene_id), places) for member, places in distinct(members)]
    inputs = {place: own for own, places in sights for place in places}
    askers = networks.askers([inputs[place] for place in range(len(members))])
    device = members[0].inputs.device
    with_tiles = {place for place, member in enumerate(members) if member.spec.data.task == "pixel"}

    def load(tile: Tile) -> tuple[Tile, dict[int, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        found: dict[int, torch.Tensor] = {}
        for own, places in sights:
            if with_tiles & {*places}:
                found |= dict.fromkeys(places, own.window(tile.outer_lines, tile.outer_samples))
        land, no_sar = (torch.from_numpy(mask).to(device) for mask in masks(reader, scene_id, tile.lines, tile.samples))
        return tile, found, (land, no_sar)

    for tile, seen, empty in read_ahead(tiling.tiles(inputs[0].shape), load):
        together = {chart.name: Ensemble() for chart in networks.charts}
        layers: dict[str, NDArray[np.uint8]] = {}
        with torch.inference_mode():
            for place, ask in enumerate(askers):
                for name, answer in ask(tile, seen.get(place)).items():
                    together[name].add(answer)
            for chart in networks.charts:
                found = together[chart.name].layers(chart, *empty)
                layers |= {name: values.cpu().numpy() for name, values in found.items()}
        yield Block(tile=tile, layers=layers)


def masks(
    reader: SceneReader, scene_id: str, lines: slice, samples: slice
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where there is land, and where there is no SAR: (h, w) each."""
    dtype, _, fill = reader.sar_form(scene_id)
    stored = np.empty((1, lines.stop - lines.start, samples.stop - samples.start), dtype)
    reader.sar(scene_id, lines, samples, stored)
    no_sar = np.isnan(stored[0]) if np.isnan(fill) else stored[0] == fill
    return land_pixels(reader.land_distance(scene_id, lines, samples)), no_sar


def mask_reader(networks: Networks) -> SceneReader:
    """Reads what tells land and SAR apart, from the same cache as the networks' inputs."""
    own = networks.members[0].inputs.reader
    return SceneReader(own.lake, ratio=networks.ratio, channels=(HH, ZONES), targets=(), cache=own.cache)


def _positions(places: Georeference, lines: slice) -> list[NDArray[np.float32]]:
    pieces = [
        places.strip(start, min(start + _LINES_AT_ONCE, lines.stop))
        for start in range(lines.start, lines.stop, _LINES_AT_ONCE)
    ]
    return [np.concatenate(part) for part in zip(*pieces, strict=True)]


def _steps(tiling: Tiling, shape: tuple[int, int]) -> tuple[int, int]:
    """Lines and samples of a tile, which chunks have too: each is written once."""
    first = next(tiling.tiles(shape))
    return first.lines.stop, first.samples.stop


def _add_arrays(writer: RasterWriter, networks: Networks, shape: tuple[int, int], steps: tuple[int, int]) -> None:
    placed = {"coordinates": " ".join(_POSITIONS)}
    for chart in networks.charts:
        n, dim, layers = chart.n_classes, class_dim(chart.name), {entropy_name(chart.name): "entropy"}
        if len(networks.members) > 1:
            layers[spread_name(chart.name)] = "spread"
        numbers = {"long_name": f"class of {chart.long_name}", "units": "1", **_numbered(chart)}
        writer.array(dim, dims=(dim,), shape=(n,), chunks=(n,), dtype="uint8", attributes=numbers)
        writer.put(dim, (slice(None),), np.arange(n, dtype=np.uint8))
        names = {chart.name: class_attributes(chart)} | {
            name: layer_attributes(chart, layer) for name, layer in layers.items()
        }
        for name, attributes in names.items():
            writer.array(name, dims=DIMS, shape=shape, chunks=steps, dtype="uint8", attributes={**attributes, **placed})
        attributes = {**layer_attributes(chart, "probability"), **placed}
        if any(member.head(chart.name).regression for member in networks.members):
            attributes["comment"] = "of a regression: the classes on both sides of its value share one by nearness"
        writer.array(
            probability_name(chart.name),
            dims=(dim, *DIMS),
            shape=(n, *shape),
            chunks=(n, *steps),
            dtype="uint8",
            attributes=attributes,
        )
    for name in _POSITIONS:
        writer.array(
            name,
            dims=DIMS,
            shape=shape,
            chunks=(steps[0], shape[1]),
            dtype="float32",
            attributes=positions_attributes(name),
        )


def _numbered(chart: Chart) -> dict[str, Any]:
    """Names of the classes along their own dimension."""
    *values, _ = class_attributes(chart)["flag_values"]
    *names, _ = class_attributes(chart)["flag_meanings"].split()
    return {"flag_values": values, "flag_meanings": " ".join(names)}


def _attributes(networks: Networks, record: SceneRecord) -> dict[str, Any]:
    found = {
        "Conventions": "CF-1.10",
        "title": f"{', '.join(chart.long_name for chart in networks.charts)} of Sentinel-1 scene {record.scene_id}",
        "source": networks.source,
        "scene_id": record.scene_id,
        "ratio": networks.ratio,
        "pixel_spacing": float(pixel_spacing(networks.ratio)),
        "acquired": record.acquired.isoformat(),
        "lake": networks.members[0].inputs.reader.lake.digest,
        "checkpoints": " ".join(member.spec.trial_id for member in networks.members),
    }
    return found | ({"comment": SYNTHETIC} if record.synthetic else {})
