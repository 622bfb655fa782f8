"""One scene after another from its lake to a scene map on disk, tile by tile; only a few tiles are in memory.

While the networks are at a tile, one thread reads the next one's inputs and another encodes and writes the one before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.channels import LAND as ZONES
from datasets.grids import pixel_spacing
from datasets.loading.scene_reader import SceneReader
from datasets.loading.windows import land_pixels
from datasets.scene import SceneRecord
from datasets.stores.raster_writer import RasterWriter
from training.evaluation.metric_names import class_key
from training.evaluation.predict import read_ahead
from training.evaluation.tiles import Tile, Tiling
from training.loop.device_memory import memory_of, to_score
from training.prediction.formats import FORMATS
from training.prediction.georeference import Georeference
from training.prediction.layers import Ensemble
from training.prediction.map_folder import MapFolder
from training.prediction.networks import HH, Networks, by_normalization, tile_predictor
from training.prediction.scene_map import (
    DIMS,
    LAYERS,
    SYNTHETIC,
    class_attributes,
    layer_attributes,
    layer_name,
    open_map,
)

_POSITIONS: Final = {"latitude": "degrees_north", "longitude": "degrees_east"}
_LINES_AT_ONCE: Final = 64
"""Of latitudes and longitudes, which are computed in float64."""


Block = tuple[Tile, dict[str, NDArray[np.uint8]]]
"""A tile of a map, and its layers by name, (h, w) or (n, h, w) uint8."""


@dataclass(frozen=True, kw_only=True)
class MapMaker:
    """Networks on their device, how scenes are cut for them, and where maps go."""

    networks: Networks
    tiling: Tiling
    folder: MapFolder

    def make(self, scene_id: str, made_by: str, *, advance: Callable[[int], None] = lambda pixels: None) -> None:
        """Makes the forms of a scene's map that its folder lacks, if it lacks any.

        `advance` is told how many pixels each tile had.

        Raises:
            TiePointsError: The scene's tie points place it nowhere.
            MapGridError: The projection that is asked for cannot show the scene.
            MapExistsError: Something else has made a map of the scene meanwhile.
            MapInWorkError: Another process is at it.
            DeviceMemoryError: The GPU has no memory for it.
        """
        networks, folder = self.networks.without_memory(), self.folder
        first = networks.members[0]
        with folder.alone(scene_id), memory_of(first.inputs.device, "map a scene", to_score(first.spec)):
            missing = folder.missing(scene_id, made_by)
            if not missing:
                return
            with folder.work(scene_id) as work:
                store = folder.store(scene_id, made_by)
                if store is None:
                    store = work / f"{scene_id}.zarr"
                    places = Georeference.of(first.inputs.reader.lake.scene(scene_id), networks.ratio)
                    for name in missing:
                        FORMATS[name].check(places, folder.options)
                    predict_scene_map(networks, mask_reader(networks), scene_id, self.tiling, store, advance=advance)
                with open_map(store) as data:
                    made = {name: FORMATS[name].write(data, work, folder.options) for name in missing}
                folder.publish(scene_id, made_by, made)


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
    first = next(tiling.tiles(shape))
    steps = first.lines.stop, first.samples.stop  # of a tile, which chunks have too: each is written once

    def write(block: Block) -> int:
        tile, layers = block
        where = (tile.lines, tile.samples)
        for name, values in layers.items():
            writer.put(name, (slice(None), *where) if values.ndim > 2 else where, values)
        if tile.samples.start == 0:
            for name, degrees in zip(_POSITIONS, _positions(places, tile.lines), strict=True):
                writer.put(name, (tile.lines, slice(None)), degrees)
        return layers[networks.charts[0].name].size

    with RasterWriter(path) as writer:
        writer.describe(_attributes(networks, scene.record))
        _add_arrays(writer, networks, shape, steps)
        for pixels in read_ahead(predict_blocks(networks, reader, scene_id, tiling), write):
            advance(pixels)


def predict_blocks(networks: Networks, reader: SceneReader, scene_id: str, tiling: Tiling) -> Iterator[Block]:
    """The tiles of a scene's map, line of tiles after line of tiles."""
    members = networks.members
    scenes = [(member.inputs.scene(scene_id), places) for member, places in by_normalization(members)]
    inputs = {place: own for own, places in scenes for place in places}
    predictors = [tile_predictor(member, inputs[place]) for place, member in enumerate(members)]
    device, by_value = members[0].inputs.device, networks.regressions
    with_tiles = {place for place, member in enumerate(members) if member.spec.data.task == "pixel"}

    def load(tile: Tile) -> tuple[Tile, dict[int, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        found: dict[int, torch.Tensor] = {}
        for own, places in scenes:
            if with_tiles & {*places}:
                found |= dict.fromkeys(places, own.window(tile.outer_lines, tile.outer_samples))
        land, no_sar = (torch.from_numpy(mask).to(device) for mask in masks(reader, scene_id, tile.lines, tile.samples))
        return tile, found, (land, no_sar)

    for tile, seen, empty in read_ahead(tiling.tiles(inputs[0].shape), load):
        together = {chart.name: Ensemble(values=chart.name in by_value) for chart in networks.charts}
        layers: dict[str, NDArray[np.uint8]] = {}
        with torch.inference_mode():
            for place, predict in enumerate(predictors):
                for name, answer in predict(tile, seen.get(place)).items():
                    together[name].add(answer)
            for chart in networks.charts:
                found = together[chart.name].layers(chart, *empty)
                layers |= {name: values.cpu().numpy() for name, values in found.items()}
        yield tile, layers


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


def _add_arrays(writer: RasterWriter, networks: Networks, shape: tuple[int, int], steps: tuple[int, int]) -> None:
    placed = {"coordinates": " ".join(_POSITIONS)}
    for chart in networks.charts:
        n, dim = chart.n_classes, layer_name(chart.name, "class")
        numbers = {
            "long_name": f"class of {chart.long_name}",
            "units": "1",
            "flag_values": [*range(n)],
            "flag_meanings": " ".join(map(class_key, chart.classes)),
        }
        writer.array(dim, dims=(dim,), shape=(n,), chunks=(n,), dtype="uint8", attributes=numbers)
        writer.put(dim, (slice(None),), np.arange(n, dtype=np.uint8))
        attributes = {**class_attributes(chart), **placed}
        writer.array(chart.name, dims=DIMS, shape=shape, chunks=steps, dtype="uint8", attributes=attributes)
        for layer in LAYERS if len(networks.members) > 1 else LAYERS[:-1]:  # one network has no spread
            name, by_value = layer_name(chart.name, layer), chart.name in networks.regressions
            attributes = {**layer_attributes(chart, layer, of_value=by_value), **placed}
            if layer != "probability":
                writer.array(name, dims=DIMS, shape=shape, chunks=steps, dtype="uint8", attributes=attributes)
                continue
            if any(member.head(chart.name).regression for member in networks.members):
                attributes["comment"] = "of a regression: the classes on both sides of its value share one by nearness"
            wide, parts = (n, *shape), (n, *steps)
            writer.array(name, dims=(dim, *DIMS), shape=wide, chunks=parts, dtype="uint8", attributes=attributes)
    for name, units in _POSITIONS.items():
        attributes, chunks = {"long_name": name, "standard_name": name, "units": units}, (steps[0], shape[1])
        writer.array(name, dims=DIMS, shape=shape, chunks=chunks, dtype="float32", attributes=attributes)


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
