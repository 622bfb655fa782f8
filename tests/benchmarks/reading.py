"""Read a scene of 5000 x 5200 pixels (ratio 2 of a full-size one): a patch from disk, and whole from S3.

The floor of the patch is a copy out of one npy memory map, with the page cache warm for all. The floor of the whole
scene is the same objects fetched by the same client through the same slow line, all at once and not decoded.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import fsspec
import numpy as np
import xarray as xr

import datasets.stores.shards
from datasets.channels import CHANNELS
from datasets.lake import Lake
from datasets.storage import read_ranges
from datasets.stores.scene_writer import CHUNK
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.full_scene import Row
from tests.object_store import BUCKET, ObjectStore, client_of, counting_proxy

LINES, SAMPLES, RATIO, PATCH = 10000, 10400, 2, 256
DELAY = 0.02
SECONDS_REACH, REQUESTS_REACH = 3.0, 40
ROUNDS, WINDOWS = 5, 50

ON_SAR_GRID = tuple(name for name, channel in CHANNELS.items() if channel.grid == "sar")
STORED = tuple(name for name, channel in CHANNELS.items() if channel.grid != "scene")


def measure() -> list[Row]:
    """Makes the scene and reads it; about two minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        raw = write_samples(folder / "raw", scenes=1, lines=LINES, samples=SAMPLES, seed=0)
        recipe = Recipe(ratios=(RATIO,))
        lake = Lake.create(str(folder / "lake"), recipe.to_lake())
        publish(lake, [convert_scene(str(path), recipe, lake, "train") for path in raw], SplitOptions())
        return [_patch(lake, folder), *_from_s3(folder, lake)]


def _patch(lake: Lake, folder: Path) -> Row:
    (scene_id,) = lake.catalog().scene_ids
    scene = lake.scene(scene_id)
    lines, samples = scene.shape(RATIO)
    rng = np.random.default_rng(0)
    corners = rng.integers(0, (lines - PATCH, samples - PATCH), (WINDOWS, 2))
    windows = [tuple(slice(int(start), int(start) + PATCH) for start in corner) for corner in corners]
    path = folder / "patch.npy"
    np.save(path, np.stack([scene.window(RATIO, name, slice(None), slice(None)) for name in ON_SAR_GRID]))
    mapped = np.load(path, mmap_mode="r")
    opened = scene.open(RATIO)[list(ON_SAR_GRID)]

    def ours(window: tuple[slice, ...]) -> np.ndarray:
        out = np.empty((len(ON_SAR_GRID), PATCH, PATCH), np.float32)
        scene.windows(RATIO, ON_SAR_GRID, *window, dict(zip(ON_SAR_GRID, out, strict=True)))
        return out

    def floor(window: tuple[slice, ...]) -> np.ndarray:
        return np.array(mapped[(slice(None), *window)])

    def by_xarray(window: tuple[slice, ...]) -> xr.Dataset:
        return opened.isel(line=window[0], sample=window[1]).load()

    for window in windows[:5]:
        np.testing.assert_array_equal(ours(window), floor(window))

    def undecoded(window: tuple[slice, ...]) -> None:
        with patch.object(datasets.stores.shards, "_codec", _NoCodec):
            ours(window)

    ways: dict[str, Callable[[tuple[slice, ...]], object]] = {
        "ours": ours,
        "floor": floor,
        "xarray": by_xarray,
        "undecoded": undecoded,
    }
    # Taken in turns, so that what else the machine does meets all of them; the quietest round counts.
    rounds = [{way: _median(read, windows) for way, read in ways.items()} for _ in range(ROUNDS)]
    best = {way: 1000 * min(each[way] for each in rounds) for way in ways}
    return Row(
        what=f"a {PATCH} patch of {len(ON_SAR_GRID)} channels",
        measured=f"{best['ours']:.2f} ms",
        floor=f"{best['floor']:.2f} ms",
        ratio=f"{best['ours'] / best['floor']:.1f}",
        reach="-",
        reached=True,
        note=f"through xarray and zarr {best['xarray']:.1f} ms; all but decoding the chunks of {CHUNK} "
        f"{best['undecoded']:.2f} ms",
    )


class _NoCodec:
    """Gives every chunk zeros, as many as its Blosc header says."""

    def decode(self, content: memoryview) -> bytes:
        return bytes(int.from_bytes(content[4:8], "little"))


def _median(read: Callable[[tuple[slice, ...]], object], windows: list[tuple[slice, ...]]) -> float:
    seconds = []
    for window in windows:
        started = time.perf_counter()
        read(window)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _from_s3(folder: Path, lake: Lake) -> list[Row]:
    (scene_id,) = lake.catalog().scene_ids
    store = ObjectStore(folder / "object-store")
    store.start()
    try:
        with client_of(store):
            fsspec.filesystem("s3").put(lake.place, f"{BUCKET}/lake", recursive=True)
        with counting_proxy(store, DELAY) as (endpoint, seen), client_of(store, endpoint):
            remote = Lake.open(f"s3://{BUCKET}/lake")
            rounds = []
            for _ in range(3):
                seen.clear()
                started = time.perf_counter()
                found = remote.scene(scene_id).whole(RATIO, STORED)
                rounds.append((time.perf_counter() - started, len(seen)))
                assert found[ON_SAR_GRID[0]].shape == lake.scene(scene_id).shape(RATIO)
            seconds, requests = min(rounds)
            root = Path(lake.scene_url(scene_id))
            ranges = [
                (f"{remote.scene_url(scene_id)}/{path.relative_to(root).as_posix()}", 0, path.stat().st_size)
                for path in root.glob("*/*/c/**/*")
                if path.is_file() and path.relative_to(root).parts[1] in STORED
            ]
            floors = []
            for _ in range(3):
                started = time.perf_counter()
                read_ranges(ranges)
                floors.append(time.perf_counter() - started)
    finally:
        store.stop()
    note = f"all {len(STORED)} channels; {1000 * DELAY:g} ms added to each request; floor: fetched, not decoded"
    return [
        Row(
            what=f"{LINES // RATIO} x {SAMPLES // RATIO} from S3",
            measured=f"{seconds:.2f} s",
            floor=f"{min(floors):.2f} s",
            ratio=f"{seconds / min(floors):.1f}",
            reach=f"<= {SECONDS_REACH:g} s",
            reached=seconds <= SECONDS_REACH,
            note=note,
        ),
        Row(
            what="its requests",
            measured=str(requests),
            floor=str(len(ranges)),
            ratio="-",
            reach=f"<= {REQUESTS_REACH}",
            reached=requests <= REQUESTS_REACH,
            note="read_requests; the scene is opened in one of them",
        ),
    ]
