"""Whole variables are decoded in bounded steps, once for all, and compressed where they would not all have room."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.lake import Lake
from datasets.loading.decoded_scenes import STEP_BYTES, decoding_steps
from datasets.loading.node_cache import NodeCache
from datasets.stores.scene_writer import SHARD
from tests.reading import cache_in, crowded_cache_in, reader_of, sar_of


@pytest.mark.parametrize(("make", "suffixes"), [(cache_in, {".npy"}), (crowded_cache_in, {".npy", ".squares"})])
def test_whole_numbers_are_compressed_where_the_scenes_of_the_lake_would_not_all_have_room(
    tiny_lake: Lake, tmp_path: Path, make: Callable[[Path], NodeCache], suffixes: set[str]
) -> None:
    """Cells of 2 km stay as they are: their float32 hardly get smaller."""
    reader, scene_id = reader_of(tiny_lake, cache=make(tmp_path)), tiny_lake.catalog().scene_ids[0]
    sar_of(reader, scene_id)
    reader.km2(scene_id, 0, 0, (3, 3))
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == suffixes


@given(
    variables=st.integers(1, 9),
    lines=st.integers(1, 3 * SHARD),
    samples=st.integers(1, 11000),
    itemsize=st.sampled_from([1, 4]),
)
def test_steps_of_decoding_are_bounded_and_cover_every_variable_once_in_order(
    variables: int, lines: int, samples: int, itemsize: int
) -> None:
    names = tuple(map(str, range(variables)))
    steps = list(decoding_steps(names, (lines, samples), itemsize))
    flat = [(name, range(lines)[part]) for some, part in steps for name in some]
    assert [(name, line) for name, part in flat for line in part] == [(n, k) for n in names for k in range(lines)]
    for some, part in steps:
        height = len(range(lines)[part])
        assert len(some) * height * samples * itemsize <= max(STEP_BYTES, SHARD * samples * itemsize)
        assert part.start % SHARD == 0
        assert len(some) == 1 or height == lines, "in C order"


@pytest.mark.parametrize("make", [cache_in, crowded_cache_in])
@pytest.mark.parametrize("most", [1, 200_000, 1 << 30])
def test_however_it_is_cut_the_decoded_scene_is_the_same(
    tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, make: Callable[[Path], NodeCache]
) -> None:
    def small(names: tuple[str, ...], shape: tuple[int, int], itemsize: int) -> Iterator[tuple[tuple[str, ...], slice]]:
        return decoding_steps(names, shape, itemsize, most_bytes=most)

    monkeypatch.setattr("datasets.loading.decoded_scenes.decoding_steps", small)
    monkeypatch.setattr("datasets.loading.decoded_scenes.SHARD", 128)
    scene_id = tiny_lake.catalog().scene_ids[0]
    np.testing.assert_array_equal(
        sar_of(reader_of(tiny_lake, cache=make(tmp_path)), scene_id), sar_of(reader_of(tiny_lake), scene_id)
    )
