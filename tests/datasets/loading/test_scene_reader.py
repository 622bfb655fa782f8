"""Windows as they are stored, from chunks and from the node's cache alike."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets.channels import INPUTS
from datasets.lake import Lake
from datasets.loading.batch import Window, read_batch
from datasets.loading.node_cache import NodeCache
from datasets.loading.scene_reader import SceneReader
from ingest.precision import INCIDENCE_STEP, geolocation_step
from tests.reading import LINES, SAMPLES, TARGETS, cache_in, crowded_cache_in, reader_of, sar_of


@pytest.fixture(params=["chunks", "cache", "crowded cache"])
def reader(request: pytest.FixtureRequest, tiny_lake: Lake, tmp_path: Path) -> SceneReader:
    make: dict[str, Callable[[Path], NodeCache]] = {"cache": cache_in, "crowded cache": crowded_cache_in}
    cache = None if request.param == "chunks" else make[request.param](tmp_path / "cache")
    return reader_of(tiny_lake, cache=cache)


def test_channels_and_charts_are_those_of_the_lake(reader: SceneReader, tiny_lake: Lake) -> None:
    scene_id = tiny_lake.catalog().scene_ids[1]
    stored = tiny_lake.scene(scene_id).open(2).isel(line=LINES, sample=SAMPLES)
    for plane, name in zip(sar_of(reader, scene_id), reader.sar_channels, strict=True):
        np.testing.assert_array_equal(plane, stored[name].values)
    assert reader.sar_form(scene_id)[0] == np.int16, "half the bytes of float32"
    zones = reader.zones(scene_id, LINES, SAMPLES)
    assert zones.dtype == np.uint8
    np.testing.assert_array_equal(zones * 0.25, stored.distance_map.values)
    window = Window(scene_id, LINES.start, SAMPLES.start)
    batch = read_batch(reader, [window], (43, 61), np.empty((1, 0), np.uint8))
    for nodes, name in zip(batch.nodes[0], reader.tie_channels, strict=True):
        step = INCIDENCE_STEP if name == "sar_incidenceangle" else geolocation_step(name, 2)
        field = batch.lines[0].double().numpy() @ nodes.numpy() @ batch.samples[0].numpy().T
        np.testing.assert_allclose(field, stored[name].values, rtol=0, atol=step / 2 + 2e-5)
    labels = reader.labels(scene_id, LINES, SAMPLES)
    assert labels.dtype == np.uint8
    for plane, name in zip(labels, TARGETS, strict=True):
        np.testing.assert_array_equal(plane, stored[name].values)
    np.testing.assert_array_equal(
        reader.border_distance(scene_id, LINES, SAMPLES), stored.distance_to_border.values.astype(np.float32)
    )
    np.testing.assert_array_equal(reader.land_distance(scene_id, LINES, SAMPLES), stored.distance_map.values)
    assert reader.month(scene_id) == tiny_lake.catalog()[scene_id].acquired.month


def test_coarse_cells_begin_at_the_cell_before_the_first_pixel(reader: SceneReader, tiny_lake: Lake) -> None:
    scene_id = tiny_lake.catalog().scene_ids[0]
    field = tiny_lake.scene(scene_id).km2("t2m")
    shape = reader.km2_shape(48, 48)
    cells, offset = reader.km2(scene_id, 30, 100, shape)
    place = reader.km2_channels.index("t2m")
    first = [(2 * start + 0.5 - 24.5) / 50 for start in (30, 100)]
    assert offset == pytest.approx([value - np.floor(value) for value in first])
    line, sample = (int(np.floor(value)) for value in first)
    np.testing.assert_array_equal(cells[place], field[line : line + shape[0], sample : sample + shape[1]])


def test_beyond_the_edge_the_last_cell_is_held(reader: SceneReader, tiny_lake: Lake) -> None:
    scene_id = tiny_lake.catalog().scene_ids[0]
    field = tiny_lake.scene(scene_id).km2("t2m")
    place = reader.km2_channels.index("t2m")
    cells, offset = reader.km2(scene_id, 0, 0, (3, 3))
    assert offset == pytest.approx((1 - 24 / 50, 1 - 24 / 50)), "the first pixel lies before the first cell's centre"
    assert cells[place, 0, 0] == cells[place, 1, 1] == field[0, 0]
    height, width = reader.shape(scene_id)
    cells, _ = reader.km2(scene_id, height - 1, width - 1, (3, 3))
    assert cells[place, 2, 2] == field[-1, -1]


@pytest.mark.parametrize("make", [cache_in, crowded_cache_in])
def test_a_scene_is_decoded_once_for_all_readers_of_a_node(
    tiny_lake: Lake, tmp_path: Path, make: Callable[[Path], NodeCache]
) -> None:
    scene_id = tiny_lake.catalog().scene_ids[0]
    cache = make(tmp_path / "cache")
    first = sar_of(reader_of(tiny_lake, cache=cache), scene_id)
    broken = reader_of(tiny_lake, cache=make(tmp_path / "cache"))
    broken._decoded._stack = None  # type: ignore[assignment, method-assign]
    np.testing.assert_array_equal(sar_of(broken, scene_id), first)
    fewer = SceneReader(tiny_lake, ratio=2, channels=INPUTS[1:3], targets=("SOD",), cache=cache)
    before = cache.used_bytes()
    np.testing.assert_array_equal(sar_of(fewer, scene_id), first[1:2])
    assert cache.used_bytes() == before, "other channels are other planes of the same array"


def test_a_cache_without_room_reads_from_the_lake(tiny_lake: Lake, tmp_path: Path) -> None:
    scene_id = tiny_lake.catalog().scene_ids[0]
    small = type(cache_in(tmp_path))(folder=tmp_path / "small", max_bytes=1000)
    np.testing.assert_array_equal(
        sar_of(reader_of(tiny_lake, cache=small), scene_id), sar_of(reader_of(tiny_lake), scene_id)
    )
    assert small.used_bytes() <= 1000


def test_a_reader_travels_without_what_it_has_open(tiny_lake: Lake) -> None:
    scene_id = tiny_lake.catalog().scene_ids[0]
    reader = reader_of(tiny_lake)
    before = sar_of(reader, scene_id)
    np.testing.assert_array_equal(sar_of(pickle.loads(pickle.dumps(reader)), scene_id), before)
