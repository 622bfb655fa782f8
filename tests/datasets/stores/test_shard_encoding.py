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

from datasets.stores.shard_encoding import encoded_shards, morton_order


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
    assert {"/".join(map(str, place)): bytes(content) for place, content in ours} == _by_zarr(
        values, chunk, shard, fill
    )


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
