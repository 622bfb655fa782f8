"""Shards are encoded to the bytes that zarr itself writes."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numcodecs
import numpy as np
import pytest
import zarr
import zarr.codecs
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.stores.raster import ComputedRaster, Raster, Window, mapped
from datasets.stores.shard_encoding import encoded_shards, morton_order
from datasets.stores.shard_layout import Place


def _by_zarr(values: np.ndarray, chunk: tuple[int, ...], shard: tuple[int, ...], fill: float) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        array = zarr.create_array(
            f"{folder}/x",
            shape=values.shape,
            dtype=values.dtype,
            chunks=chunk,
            shards=shard,
            compressors=(zarr.codecs.BloscCodec(cname="zstd", clevel=1, shuffle="shuffle"),),
            fill_value=fill,
            config={"write_empty_chunks": False},
        )
        array[...] = values
        root = Path(folder, "x", "c")
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(
    shape=st.lists(st.integers(1, 23), min_size=1, max_size=2).map(tuple),
    side=st.integers(1, 5),
    chunks=st.integers(1, 5),
    dtype=st.sampled_from(["u1", "<f4", "<f8"]),
    seed=st.integers(0, 2**16),
)
def test_the_bytes_are_those_of_zarr(shape: tuple[int, ...], side: int, chunks: int, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fill = 255 if dtype == "u1" else np.nan
    values = rng.integers(0, 9, shape).astype(dtype)
    values[: rng.integers(0, shape[0] + 1)] = fill
    chunk, shard = (side,) * len(shape), (side * chunks,) * len(shape)
    codec = numcodecs.Blosc(cname="zstd", clevel=1, shuffle=numcodecs.Blosc.SHUFFLE)
    ours = encoded_shards(values, chunk=chunk, shard=shard, fill=fill, encode=codec.encode, threads=2)
    assert {"/".join(map(str, place)): b"".join(parts) for place, parts in ours} == _by_zarr(values, chunk, shard, fill)


def test_windows_that_are_made_on_the_way_give_the_same_bytes() -> None:
    """Each is asked for once, inside the raster, and no larger than a chunk."""
    values = np.random.default_rng(0).integers(0, 99, (23, 17)).astype(np.float32)
    values[:10] = 198
    asked: list[Window] = []

    def halves(window: Window) -> np.ndarray:
        asked.append(window)
        return values[window] / 2

    def shards(raster: Raster) -> dict[Place, bytes]:
        encoded = encoded_shards(
            raster, chunk=(5, 4), shard=(10, 8), fill=99, encode=lambda part: part.tobytes(), threads=2
        )
        return {place: b"".join(parts) for place, parts in encoded}

    made = shards(ComputedRaster((23, 17), np.dtype(np.float32), 0, halves))
    assert made == shards(mapped(values, lambda part: part / 2)) == shards(values / 2)
    assert (0, 0) not in made
    assert {(part.start, part.stop) for part, _ in asked} == {(0, 5), (5, 10), (10, 15), (15, 20), (20, 23)}
    assert len(asked) == 5 * 5


@pytest.mark.parametrize("grid", [(1,), (7,), (12, 12), (3, 12), (1, 5)])
def test_every_place_of_a_grid_is_in_its_order_once(grid: tuple[int, ...]) -> None:
    order = morton_order(grid)
    assert sorted(order) == list(np.ndindex(grid))
    assert order[0] == (0,) * len(grid)


def test_neighbours_of_a_square_lie_together() -> None:
    assert morton_order((4, 4))[:6] == ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 0))


def test_what_goes_wrong_in_a_thread_is_raised() -> None:
    def fail(_: object) -> bytes:
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        list(encoded_shards(np.ones((4, 4)), chunk=(2, 2), shard=(4, 4), fill=0, encode=fail, threads=2))
