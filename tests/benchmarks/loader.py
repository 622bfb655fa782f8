"""Patches per second of the training loader, against cropping arrays that lie in memory, and against common practice.

One full-size scene at ratios 2 and 5, decoded once into the node's cache, as after the first epoch. The floor crops the
same 16 channels and the label out of numpy arrays in memory. Practice opens an uncompressed netCDF file of the reduced
scene for every crop, reads the whole label raster to learn its shape, and crops from the file (as the published random
crop loader does). All on one thread of one process, from the page cache, so its processor time is what counts: other
work on the machine does not, nearly. All sides take turns, so that they meet the same machine, and each lets go of a
batch before it makes the next, as training does. The median of the turns stands.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import netCDF4
import numpy as np
import torch
from numpy.typing import NDArray

from datasets.channels import INPUTS
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batches import BatchDataset
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from datasets.loading.scene_inputs import SceneInputs
from datasets.loading.scene_reader import SceneReader
from datasets.patches.crops import RandomCrops
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.full_scene import LINES, SAMPLES, Row

PATCH, BATCH, BATCHES, TURNS = 256, 16, 24, 9
FLOOR_REACH = 0.6
PRACTICE_REACH = {5: 20.0, 2: 60.0}
CACHE_REACH, LAKE_REACH = 3500.0, 300.0


def measure() -> list[Row]:
    """Makes the scene and its lake, then measures both ratios; about two minutes."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        (raw,) = write_samples(folder / "raw", scenes=1, lines=LINES, samples=SAMPLES, seed=0)
        lake = lake_of(raw, folder, (2, 5))
        return [row for ratio in (5, 2) for row in _rows(lake, ratio, folder)]


def lake_of(raw: Path, folder: Path, ratios: tuple[int, ...]) -> Lake:
    """A lake of one training scene."""
    recipe = Recipe(ratios=ratios)
    lake = Lake.create(str(folder / "lake"), recipe.to_lake())
    publish(lake, [convert_scene(str(raw), recipe, lake, "train")], SplitOptions())
    return lake


def _rows(lake: Lake, ratio: int, folder: Path) -> list[Row]:
    scene_ids = lake.catalog().split("train").scene_ids
    cache = NodeCache(folder=folder / "cache", max_bytes=8 << 30)
    reader = SceneReader(lake, ratio=ratio, channels=INPUTS, targets=("SOD",), cache=cache)
    crops = RandomCrops(scene_ids, patch_size=PATCH, max_masked=0.3, length=BATCH * BATCHES, seed=0)
    batches = BatchDataset(reader, crops, batch_size=BATCH)
    normalization = Normalization.from_lake(lake, INPUTS, ratio)
    assemble = Assembler(normalization, ratio=ratio, device=torch.device("cpu"))

    whole = SceneInputs(reader, scene_ids[0], assemble, torch.device("cpu"))
    height, width = whole.shape
    arrays = list(whole.window(slice(0, height), slice(0, width)).numpy())
    labels = np.ascontiguousarray(reader.labels(scene_ids[0], slice(0, height), slice(0, width))[0])
    windows = [window for number in range(BATCHES) for window in batches[number].windows]

    places = [(w.line, w.sample) for w in windows]
    made = batches[0]
    file = _practice_file(folder / f"r{ratio}.nc", arrays, labels)
    uncached = BatchDataset(_uncached(reader), crops, batch_size=BATCH)
    ours, floor, assembled, practice, direct = _rates(
        {
            lambda: _drop_each(batches): len(places),
            lambda: _crop_memory(arrays, labels, places): len(places),
            lambda: assemble(made): BATCH,
            lambda: _crop_file(file, places[:BATCH]): BATCH,
            lambda: uncached[0]: BATCH,
        }
    )
    return [
        Row(
            what=f"loader, ratio {ratio}, patch {PATCH}, 16 channels",
            measured=f"{ours:.0f} patches/s",
            floor=f"{floor:.0f} patches/s",
            ratio=f"{ours / floor:.2f}",
            reach=f">= {FLOOR_REACH}",
            reached=ours >= FLOOR_REACH * floor,
            note=f"assembly on the device apart: {assembled:.0f}/s",
        ),
        _rate_row(f"patches from the cache per core, ratio {ratio}", ours, CACHE_REACH),
        _rate_row(f"straight from the lake's chunks per core, ratio {ratio}", direct, LAKE_REACH),
        Row(
            what=f"the same against netCDF per crop, ratio {ratio}",
            measured=f"{ours:.0f} patches/s",
            floor=f"{practice:.1f} patches/s",
            ratio=f"{ours / practice:.0f}",
            reach=f">= {PRACTICE_REACH[ratio]:.0f}",
            reached=ours >= PRACTICE_REACH[ratio] * practice,
            note=f"{made.nbytes / BATCH / 1e6:.2f} MB per patch travel instead of {16 * PATCH**2 * 4 / 1e6:.2f}",
        ),
    ]


def _rate_row(what: str, rate: float, reach: float) -> Row:
    return Row(
        what=what,
        measured=f"{rate:.0f} patches/s",
        floor="-",
        ratio="-",
        reach=f">= {reach:.0f}",
        reached=rate >= reach,
        note="processor time of one process",
    )


def _rates(works: Mapping[Callable[[], object], int]) -> list[float]:
    """Patches per second of processor time of each, by how many patches it makes."""
    seconds: list[list[float]] = [[] for _ in works]
    for turn in range(1 + TURNS):
        for work, taken in zip(works, seconds, strict=True):
            started = time.process_time()
            work()
            if turn:  # the first one warms up
                taken.append(time.process_time() - started)
    return [patches / statistics.median(taken) for patches, taken in zip(works.values(), seconds, strict=True)]


def _drop_each(batches: BatchDataset) -> None:
    for number in range(BATCHES):
        batches[number]


def _uncached(reader: SceneReader) -> SceneReader:
    return SceneReader(reader.lake, ratio=reader.ratio, channels=INPUTS, targets=reader.targets, cache=None)


def _crop_memory(arrays: list[NDArray[np.float32]], labels: NDArray[np.uint8], places: list[tuple[int, int]]) -> None:
    for start in range(0, len(places), BATCH):
        x = np.empty((BATCH, len(arrays), PATCH, PATCH), np.float32)
        y = np.empty((BATCH, PATCH, PATCH), np.uint8)
        for row, (line, sample) in enumerate(places[start : start + BATCH]):
            for plane, array in zip(x[row], arrays, strict=True):
                plane[...] = array[line : line + PATCH, sample : sample + PATCH]
            y[row] = labels[line : line + PATCH, sample : sample + PATCH]


def _practice_file(path: Path, arrays: list[NDArray[np.float32]], labels: NDArray[np.uint8]) -> Path:
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("line", labels.shape[0])
        data.createDimension("sample", labels.shape[1])
        for place, array in enumerate(arrays):
            data.createVariable(f"channel{place}", "f4", ("line", "sample"))[:] = array
        data.createVariable("SOD", "u1", ("line", "sample"))[:] = labels
    with netCDF4.Dataset(path) as data:
        for variable in data.variables.values():
            variable[...]
    return path


def _crop_file(path: Path, places: list[tuple[int, int]]) -> None:
    for line, sample in places:
        with netCDF4.Dataset(path) as data:
            shape = data["SOD"][:].shape
            assert line + PATCH <= shape[0]
            window = slice(line, line + PATCH), slice(sample, sample + PATCH)
            for name in data.variables:
                data[name][window]
