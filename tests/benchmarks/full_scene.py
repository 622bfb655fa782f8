"""One full-size scene, one process: wall time against only decoding and encoding, and peak memory.

The floor decodes every raw variable with netCDF4 and encodes every output array with the same codec in the same chunks,
on as many threads as zarr uses, into files of the same shards; nothing is computed in between. Each step runs in a
process of its own, so that memory is its own too.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numcodecs
import numpy as np
import zarr

from datasets.lake import Lake
from datasets.stores.scene_writer import chunks_and_shards
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples

LINES, SAMPLES, RATIOS = 9985, 10372, (1, 2, 5, 10)
WALL_REACH, MEMORY_REACH_GB, SIZE_REACH, ROUNDED_SIZE_REACH = 1.6, 2.0, 1.35, 1.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the benchmark table."""

    what: str
    measured: str
    floor: str
    ratio: str
    reach: str
    reached: bool
    note: str


def measure() -> list[Row]:
    """Makes the scene, builds it, measures the floor; about two minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        (raw,) = write_samples(folder / "raw", scenes=1, lines=LINES, samples=SAMPLES, seed=0)
        decode = _step("decode", raw, folder)
        convert = _step("convert", raw, folder)
        encode = _step("encode", raw, folder)
        _step("convert-rounded", raw, folder)
        size = raw.stat().st_size
        sizes = {name: _bytes_below(folder / name / "scenes") for name in ("lake", "rounded")}
    floor = decode["seconds"] + encode["seconds"]
    ratio = convert["seconds"] / floor
    return [
        Row(
            what=f"convert {LINES} x {SAMPLES}, ratios 1 2 5 10",
            measured=f"{convert['seconds']:.1f} s",
            floor=f"{floor:.1f} s",
            ratio=f"{ratio:.2f}",
            reach=f"<= {WALL_REACH}",
            reached=ratio <= WALL_REACH,
            note=f"floor: decode {decode['seconds']:.1f} s + encode {encode['seconds']:.1f} s",
        ),
        Row(
            what="peak memory",
            measured=f"{convert['peak_gb']:.2f} GB",
            floor="-",
            ratio="-",
            reach=f"<= {MEMORY_REACH_GB} GB",
            reached=convert["peak_gb"] <= MEMORY_REACH_GB,
            note="whole process, imports included",
        ),
        _size_row("size of the lake, four ratios", sizes["lake"], size, SIZE_REACH),
        _size_row("the same with SAR to 0.01 dB", sizes["rounded"], size, ROUNDED_SIZE_REACH),
    ]


def _size_row(what: str, found: int, raw: int, reach: float) -> Row:
    return Row(
        what=what,
        measured=f"{found / 1e6:.0f} MB",
        floor=f"{raw / 1e6:.0f} MB",
        ratio=f"{found / raw:.2f}",
        reach=f"<= {reach}",
        reached=found <= reach * raw,
        note="floor: the raw netCDF",
    )


def _step(name: str, raw: Path, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.full_scene", name, str(raw), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _decode(raw: Path) -> float:
    started = time.perf_counter()
    with netCDF4.Dataset(raw) as data:
        data.set_auto_mask(False)
        for variable in data.variables.values():
            variable[...]
    return time.perf_counter() - started


def _convert(raw: Path, place: Path, recipe: Recipe) -> float:
    lake = Lake.create(str(place), recipe.to_lake())
    started = time.perf_counter()
    convert_scene(str(raw), recipe, lake, "train")
    return time.perf_counter() - started


def _encode(folder: Path) -> float:
    numcodecs.blosc.set_nthreads(1)  # as zarr: one thread per chunk, several chunks at a time
    (scene,) = (folder / "lake").rglob("*.zarr")
    seconds = 0.0
    with ThreadPoolExecutor() as pool:
        for _, group in zarr.open_group(scene, mode="r").groups():
            for name, array in group.arrays():
                values, codec = np.asarray(array[...]), _codec(array)
                started = time.perf_counter()
                _encode_array(values, codec, folder / f"floor-{name}", pool)
                seconds += time.perf_counter() - started
    return seconds


def _codec(array: zarr.Array[Any]) -> numcodecs.Blosc:
    """The codec that the lake used for this array."""
    (used,) = array.compressors
    assert isinstance(used, zarr.codecs.BloscCodec)
    return numcodecs.Blosc(
        cname=used.cname.value,
        clevel=used.clevel,
        shuffle={"shuffle": numcodecs.Blosc.SHUFFLE, "bitshuffle": numcodecs.Blosc.BITSHUFFLE}[used.shuffle.value],
        blocksize=used.blocksize,
    )


def _encode_array(values: np.ndarray, codec: numcodecs.Blosc, path: Path, pool: ThreadPoolExecutor) -> None:
    chunks, _ = chunks_and_shards(values.shape)
    corners = np.ndindex(*(-(-size // chunk) for size, chunk in zip(values.shape, chunks, strict=True)))
    blocks = (
        values[tuple(slice(k * chunk, (k + 1) * chunk) for k, chunk in zip(corner, chunks, strict=True))]
        for corner in corners
    )
    with path.open("wb") as file:
        for encoded in pool.map(lambda block: codec.encode(np.ascontiguousarray(block)), blocks):
            file.write(encoded)


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    step, raw_path, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    steps = {
        "decode": lambda: _decode(raw_path),
        "convert": lambda: _convert(raw_path, work / "lake", Recipe(ratios=RATIOS)),
        "convert-rounded": lambda: _convert(raw_path, work / "rounded", Recipe(ratios=RATIOS, sar_precision=0.01)),
        "encode": lambda: _encode(work),
    }
    seconds_taken = steps[step]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": seconds_taken, "peak_gb": peak}))
