"""What the tests of readers and batches share."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator

from datasets.channels import CHANNELS, INPUTS
from datasets.grids import centres, interpolate, km2_index
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batches import BatchDataset
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from datasets.loading.scene_reader import SceneReader
from datasets.patches.crops import RandomCrops
from datasets.tie_grid import TIE_CHANNELS, TieGrid

CPU = torch.device("cpu")
TARGETS = ("SOD", "SIC")
LINES, SAMPLES = slice(7, 50), slice(90, 151)


def cache_in(folder: Path) -> NodeCache:
    return NodeCache(folder=folder, max_bytes=1 << 30)


def crowded_cache_in(folder: Path) -> NodeCache:
    """With less room than the decoded scenes of `tiny_lake` take at ratio 2: 6 bytes for each of 210 x 260 pixels."""
    return NodeCache(folder=folder, max_bytes=4 * 6 * 210 * 260)


def reader_of(lake: Lake, *, ratio: int = 2, cache: NodeCache | None = None) -> SceneReader:
    return SceneReader(lake, ratio=ratio, channels=INPUTS, targets=TARGETS, cache=cache)


def sar_of(reader: SceneReader, scene_id: str) -> NDArray[np.float32]:
    """A window of SAR in dB, NaN = no data."""
    dtype, unit, fill = reader.sar_form(scene_id)
    out = np.empty((len(reader.sar_channels), 43, 61), dtype)
    reader.sar(scene_id, LINES, SAMPLES, out)
    return np.where(out == fill, np.nan, out * np.float32(unit))


def batches_of(reader: SceneReader, **changes: object) -> BatchDataset:
    options: dict[str, object] = {"patch_size": 48, "max_masked": 0.3, "length": 12, "seed": 5}
    place = {name: changes.pop(name) for name in ("rank", "world") if name in changes}
    scenes = changes.pop("scenes", reader.lake.catalog().split("train").scene_ids)
    crops = RandomCrops(scenes, **(options | changes))  # type: ignore[arg-type]
    return BatchDataset(reader, crops, batch_size=4, **place)  # type: ignore[arg-type]


def assembler_of(reader: SceneReader) -> Assembler:
    return Assembler(Normalization.from_lake(reader.lake, INPUTS, reader.ratio), ratio=reader.ratio, device=CPU)


def whole_input(lake: Lake, scene_id: str, ratio: int) -> NDArray[np.float32]:
    """(channels, lines, samples) of a whole scene by plain numpy: what every window must be a window of."""
    scene, normalization = lake.scene(scene_id), Normalization.from_lake(lake, INPUTS, ratio)

    def normalized(name: str, values: NDArray[np.generic]) -> NDArray[np.float32]:
        place = INPUTS.index(name)
        scaled = (values.astype(np.float32) - np.float32(normalization.mean[place])) / np.float32(
            normalization.std[place]
        )
        return np.where(np.isfinite(scaled), scaled, np.float32(0))

    height, width = scene.shape(ratio)
    rows, columns = (km2_index(centres(0, length, ratio)) for length in (height, width))
    planes = []
    for name in INPUTS:
        match CHANNELS[name].grid:
            case "sar" if name in TIE_CHANNELS:
                grid = TieGrid.from_points(scene.tie_points())
                places = np.meshgrid(centres(0, height, ratio), centres(0, width, ratio), indexing="ij")
                field = RegularGridInterpolator((grid.lines, grid.samples), grid.fields[name])(tuple(places))
                planes.append(normalized(name, (field + 180) % 360 - 180))
            case "sar":
                planes.append(normalized(name, scene.window(ratio, name, slice(None), slice(None))))
            case "km2":
                cells = normalized(name, scene.km2(name))
                planes.append(interpolate(interpolate(cells, rows, 0), columns, 1))
            case "scene":
                month = normalized(name, np.array(scene.record.acquired.month))
                planes.append(np.full((height, width), month))
    return np.stack(planes).astype(np.float32)
