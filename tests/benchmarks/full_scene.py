"""One full-size scene, one process: processor time against only decoding and encoding, peak memory, and bytes.

The floor decodes every raw variable with netCDF4 and encodes every output array with the same codec in the same chunks,
on as many threads as zarr uses, into files of the same shards; nothing is computed in between. Each step runs in a
process of its own, so that memory is its own too. Processor time counts all threads, and other work on the machine
changes it little; modules are imported before it counts, on both sides: those that are imported late by converting a
small scene first. A core that shares caches with a busy one takes longer for the same work, and decoding alone leaves
the other cores idle, which converting never does. So the note has the processor time of both at the same time too.

Bytes of rounded SAR are held against their entropy too: what a coder could reach that knows the distribution of the
differences to the mean of four neighbours, in each chunk. Noise has no shorter form.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import netCDF4
import numcodecs
import numpy as np
import zarr

from datasets.lake import Lake
from datasets.process.machine import peak_memory
from datasets.stores.scene_writer import CHUNK, chunks_and_shards
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from ingest.variables import HH, HV

LINES, SAMPLES, RATIOS = 9985, 10372, (1, 2, 5, 10)
FEWER: tuple[int, ...] = (2, 5, 10)
TIME_REACH, FEWER_TIME_REACH, MEMORY_REACH_GB = 1.35, 0.5, 2.0
SIZE_REACH, FEWER_SIZE_REACH, ROUNDED_SIZE_REACH = 1.22, 0.22, 0.92


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
    """Makes the scene, builds it three times, measures the floor; about three minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        (raw,) = write_samples(folder / "raw", scenes=1, lines=LINES, samples=SAMPLES, seed=0)
        write_samples(folder / "small", scenes=1, lines=100, samples=100, seed=0)
        decode = _step("decode", raw, folder)
        convert = _step("convert", raw, folder)
        encode = _step("encode", raw, folder)
        together = _step("together", raw, folder)
        fewer = _step("convert-fewer", raw, folder)
        rounded = _step("convert-rounded", raw, folder)
        entropy = _step("entropy", raw, folder)
        size = raw.stat().st_size
        sizes = {name: _bytes_below(folder / name / "scenes") for name in ("lake", "fewer", "rounded")}
        objects = sum(path.is_file() for path in (folder / "fewer" / "scenes").rglob("*"))
    floor = decode["seconds"] + encode["seconds"]
    wall = f"wall {convert['wall']:.1f} s against {decode['wall'] + encode['wall']:.1f} s"
    parts = (
        f"floor: decode {decode['seconds']:.1f} s + encode {encode['seconds']:.1f} s of processor time, "
        f"{together['seconds']:.1f} s at the same time; {wall}"
    )
    peak = max(each["peak_gb"] for each in (convert, fewer, rounded))
    bits = f"SAR at ratio 1: {entropy['stored']:.2f} bits a pixel, entropy {entropy['bits']:.2f}"
    return [
        _row(
            f"convert {LINES} x {SAMPLES}, ratios 1 2 5 10",
            convert["seconds"],
            floor,
            TIME_REACH,
            "s",
            f"pixel_seconds_1_2_5_10 {convert['seconds'] / LINES / SAMPLES:.3g} s; {parts}",
        ),
        _row(
            "the same, ratios 2 5 10",
            fewer["seconds"],
            convert["seconds"],
            FEWER_TIME_REACH,
            "s",
            f"pixel_seconds_2_5_10 {fewer['seconds'] / LINES / SAMPLES:.3g} s; floor: of four ratios",
        ),
        Row(
            what="requests that write it, ratios 2 5 10",
            measured=str(objects + 4),
            floor="-",
            ratio="-",
            reach="-",
            reached=True,
            note="write_requests: each object, its root document too, one look whether it is there, and the mark of "
            "its writer, put, looked at and removed",
        ),
        Row(
            what="peak memory",
            measured=f"{peak:.2f} GB",
            floor="-",
            ratio="-",
            reach=f"<= {MEMORY_REACH_GB} GB",
            reached=peak <= MEMORY_REACH_GB,
            note="whole process, imports included",
        ),
        *(
            _row(what, sizes[name] / 1e6, size / 1e6, reach, "MB", f"floor: the raw netCDF{note}")
            for what, name, reach, note in (
                ("size of the lake, ratios 1 2 5 10", "lake", SIZE_REACH, ", stored_share_1_2_5_10"),
                ("size of the lake, ratios 2 5 10", "fewer", FEWER_SIZE_REACH, ", stored_share_2_5_10"),
                ("four ratios with SAR to 0.01 dB", "rounded", ROUNDED_SIZE_REACH, f"; {bits}"),
            )
        ),
    ]


def _row(what: str, found: float, floor: float, reach: float, unit: str, note: str) -> Row:
    return Row(
        what=what,
        measured=f"{found:.1f} {unit}",
        floor=f"{floor:.1f} {unit}",
        ratio=f"{found / floor:.2f}",
        reach=f"<= {reach}",
        reached=found <= reach * floor,
        note=note,
    )


def _step(name: str, raw: Path, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.full_scene", name, str(raw), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _decode(raw: Path) -> dict[str, float]:
    with _Clock() as clock:
        _decode_all(raw)
    return clock.found


def _decode_all(raw: Path) -> None:
    with netCDF4.Dataset(raw) as data:
        data.set_auto_mask(False)
        for variable in data.variables.values():
            variable[...]


def _convert(raw: Path, place: Path, recipe: Recipe) -> dict[str, float]:
    (small,) = (place.parent / "small").glob("*.nc")
    for path, target in ((small, place.with_name(f"small-{place.name}")), (raw, place)):
        lake = Lake.create(str(target), recipe.to_lake())
        with _Clock() as clock:
            convert_scene(str(path), recipe, lake, "train")
    return clock.found


def _encode(folder: Path) -> dict[str, float]:
    found = {"seconds": 0.0, "wall": 0.0}
    with ThreadPoolExecutor() as pool:
        for values, codec, path in _arrays(folder):
            with _Clock() as clock:
                _encode_array(values, codec, path, pool)
            found = {each: found[each] + clock.found[each] for each in found}
    return found


def _together(raw: Path, folder: Path) -> dict[str, float]:
    arrays = list(_arrays(folder))
    with _Clock() as clock, ThreadPoolExecutor(1) as reading, ThreadPoolExecutor() as pool:
        decoded = reading.submit(_decode_all, raw)
        for values, codec, path in arrays:
            _encode_array(values, codec, path, pool)
        decoded.result()
    return clock.found


def _arrays(folder: Path) -> Iterator[tuple[np.ndarray, numcodecs.Blosc, Path]]:
    """Every array of the scene of four ratios, its codec, and where it is encoded to."""
    numcodecs.blosc.set_nthreads(1)  # as zarr: one thread per chunk, several chunks at a time
    (scene,) = (folder / "lake").rglob("*.zarr")
    for _, group in zarr.open_group(scene, mode="r").groups():
        for name, array in group.arrays():
            yield np.asarray(array[...]), _codec(array), folder / f"floor-{name}"


def _entropy(folder: Path) -> dict[str, float]:
    """Bits for each pixel of both bands at ratio 1, of rounded SAR: by entropy, and as stored."""
    (scene,) = (folder / "rounded").rglob("*.zarr")
    bits, pixels, stored = 0.0, 0, 0
    for name in (HH, HV):
        values = zarr.open_group(scene, mode="r")[f"r1/{name}"][...]
        stored += _bytes_below(scene / "r1" / name)
        for line, sample in np.ndindex(*(size // CHUNK for size in values.shape)):
            part = values[line * CHUNK : (line + 1) * CHUNK, sample * CHUNK : (sample + 1) * CHUNK].astype(np.int32)
            near = part[1:-1, :-2] + part[:-2, 1:-1] + part[:-2, :-2] + part[:-2, 2:]
            _, counts = np.unique(part[1:-1, 1:-1] - near // 4, return_counts=True)
            bits -= float((counts * np.log2(counts / counts.sum())).sum())
            pixels += int(counts.sum())
    return {"bits": bits / pixels, "stored": 8 * stored / (2 * LINES * SAMPLES)}


class _Clock:
    """Processor time of all threads, and wall time, of a block."""

    def __enter__(self) -> Self:
        self._begun = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.found = {"seconds": time.process_time() - self._begun[0], "wall": time.perf_counter() - self._begun[1]}


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
        "convert-fewer": lambda: _convert(raw_path, work / "fewer", Recipe(ratios=FEWER)),
        "convert-rounded": lambda: _convert(raw_path, work / "rounded", Recipe(ratios=RATIOS, sar_precision=0.01)),
        "encode": lambda: _encode(work),
        "together": lambda: _together(raw_path, work),
        "entropy": lambda: _entropy(work),
    }
    result = steps[step]()
    print(json.dumps({**result, "peak_gb": peak_memory() / 1e9}))
