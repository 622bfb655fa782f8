"""Patches per second of an epoch over 512 full scenes at ratio 2, data side alone, with the cache's default size.

The lake is mocked: one scene under 512 names, each with a store of its own, decoded once. What the cache of a machine
would keep is linked (a hard link for each name), so that it counts, is found and is mapped as 512 scenes are, and what
has no room in it is decoded from chunks. A cache without room for all of them holds them compressed. Pages of all names
are the same pages: a machine of the stated memory has them all in memory, and to bring them there is not measured. An
epoch takes windows anywhere in all scenes, so it mostly maps pages that no earlier batch has mapped, unlike the
benchmark of one scene. Two processes read, as on two cores, each every other batch; their processor time counts, so
other work on the machine does not, nearly. The floor decodes nothing and finds every page mapped: as many patches of
one scene.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from datasets.catalog import Catalog
from datasets.channels import INPUTS
from datasets.lake import Lake
from datasets.loading.array_file import ArrayFile
from datasets.loading.batches import BatchDataset
from datasets.loading.cache_folder import hold, part_path, reserve, slot_of
from datasets.loading.node_cache import NodeCache, default_bytes
from datasets.loading.scene_reader import SceneReader
from datasets.patches.crops import RandomCrops
from datasets.process.machine import raise_open_files
from datasets.scene import Scene, SceneRecord
from datasets.stores.scene_store import SceneStore
from ingest.sample import write_samples
from tests.benchmarks.full_scene import LINES, SAMPLES, Row
from tests.benchmarks.loader import lake_of

SCENES, RATIO, PATCH, BATCH, BATCHES, PROCESSES = 512, 2, 256, 16, 500, 2
NAMES: Final = tuple(f"scene{place:03d}" for place in range(SCENES))
RATE_REACH: Final = 2500
MACHINES: Final = (256, 64)
"""GB of memory; the disk is never what is short."""


class ManyNames(Lake):
    """A lake of one scene under many names."""

    @cached_property
    def _only(self) -> SceneRecord:
        (only,) = super().catalog()
        return only

    def catalog(self) -> Catalog:
        return Catalog(tuple(self._only.model_copy(update={"scene_id": name}) for name in NAMES))

    def scene(self, scene_id: str) -> Scene:
        store = SceneStore(self.scene_url(self._only.scene_id))
        return Scene(self._only.model_copy(update={"scene_id": scene_id}), store)


def measure() -> list[Row]:
    """Makes the scene, fills the cache of each machine, reads an epoch; about three minutes."""
    raise_open_files()
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        (raw,) = write_samples(folder / "raw", scenes=1, lines=LINES, samples=SAMPLES, seed=0)
        return rows_of(lake_of(raw, folder, (RATIO,)).place, folder)


def rows_of(place: str, folder: Path) -> list[Row]:
    """One row for each machine; `place` is the lake of one scene at ratio 2."""
    floor, _ = _epoch(place, NodeCache(folder=folder / "floor", max_bytes=1 << 50), NAMES[:1])
    return [_row(place, folder / f"cache{memory}", memory, floor) for memory in MACHINES]


def _row(place: str, folder: Path, memory: int, floor: float) -> Row:
    cache = NodeCache(folder=folder, max_bytes=default_bytes(memory * 10**9, 1 << 50))
    rate, hits = _epoch(place, cache, NAMES)
    return Row(
        what=f"epoch of {SCENES} scenes, ratio {RATIO}, {memory} GB of memory, {PROCESSES} cores",
        measured=f"{rate:.0f} patches/s",
        floor=f"{floor:.0f} patches/s",
        ratio=f"{rate / floor:.2f}",
        reach=f">= {RATE_REACH}",
        reached=rate >= RATE_REACH,
        note=f"cache of {cache.max_bytes / 1e9:.0f} GB holds {hits:.0%} of the scenes in "
        f"{cache.used_bytes() / 1e9:.0f} GB; floor: one scene, all mapped",
    )


def _epoch(place: str, cache: NodeCache, names: tuple[str, ...]) -> tuple[float, float]:
    """Patches per second of processor time of all processes together, and the share of scenes that is cached."""
    kept = _fill(_reader(place, cache), names)
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        read = partial(_read, place, cache, names)
        return sum(pool.map(read, range(PROCESSES))), kept / len(names)


def _reader(place: str, cache: NodeCache) -> SceneReader:
    lake = ManyNames.open(place)
    assert isinstance(lake, ManyNames)
    return SceneReader(lake, ratio=RATIO, channels=INPUTS, targets=("SOD",), cache=cache)


def _fill(reader: SceneReader, names: tuple[str, ...]) -> int:
    """Puts the arrays of the scenes into the cache as far as there is room; how many scenes have their SAR in it."""
    twins: dict[str, Path] = {}
    build = NodeCache._build

    def linked(kind: str, cache: NodeCache, file: ArrayFile, fill: Callable[[], Iterable[NDArray[Any]]]) -> Any:  # noqa: ANN401
        if kind not in twins:
            twins[kind] = file.path
            return build(cache, file, fill)
        part, slot = part_path(file.path, file.length), slot_of(file.path.stem)
        with hold(cache.folder, slot):
            if not reserve(part, file.length, max_bytes=cache.max_bytes, slot=slot):
                return None
            os.link(twins[kind], file.path)
            part.unlink()
        return file.open()

    for name in names:
        for kind, look in _looks(reader, name).items():
            with patch.object(NodeCache, "_build", lambda *given, kind=kind: linked(kind, *given)):
                look()
    sar = twins["sar"]
    return sum(path.stat().st_size == sar.stat().st_size for path in sar.parent.glob(f"*{sar.suffix}"))


def _looks(reader: SceneReader, name: str) -> dict[str, Callable[[], object]]:
    """What opens each array of a scene."""
    pixel = slice(0, 1), slice(0, 1)
    sar = np.empty((len(reader.sar_channels), 1, 1), np.int16)
    return {
        "labels": lambda: reader.labels(name, *pixel),
        "sar": lambda: reader.sar(name, *pixel, sar),
        "zones": lambda: reader.zones(name, *pixel),
        "km2": lambda: reader.km2(name, 0, 0, (3, 3)),
    }


def _read(place: str, cache: NodeCache, names: tuple[str, ...], rank: int) -> float:
    """Patches per second of one process, which has opened all scenes before."""
    raise_open_files()
    reader = _reader(place, cache)
    for name in names:
        reader.tie_grid(name)
        for look in _looks(reader, name).values():
            look()
    crops = RandomCrops(names, patch_size=PATCH, max_masked=0.3, length=BATCH * BATCHES, seed=0)
    batches = BatchDataset(reader, crops, batch_size=BATCH)
    if len(names) == 1:
        [batches[number] for number in range(rank, BATCHES, PROCESSES)]
    started = time.process_time()
    for number in range(rank, BATCHES, PROCESSES):
        batches[number]
    return BATCHES // PROCESSES * BATCH / (time.process_time() - started)
