"""Small maps of a scene: blocks on one grid for every ratio, turned north up, back from their file as they were."""

from pathlib import Path

import numpy as np
import pytest

from datasets.lake import Lake
from datasets.scene import Scene
from training.artifacts.small_maps import SmallMap, SmallMapError, small_map

LIMIT = 400


def small(scene: Scene, ratio: int) -> SmallMap:
    names = ("nersc_sar_primary", "distance_map", "SOD", "FLOE")
    values = scene.whole(ratio, names)
    charts = {name: values[name].astype(np.uint8) for name in ("SOD", "FLOE")}
    wrong = {name: np.zeros_like(each) for name, each in charts.items()}
    ground = {name: values[name] for name in names[:2]}
    return small_map(scene, ground, ratio=ratio, ground_ratio=ratio, charts=charts, predicted=wrong)


@pytest.fixture
def scene(tiny_lake: Lake) -> Scene:
    return tiny_lake.scene(tiny_lake.catalog().split("test").records[0].scene_id)


def test_every_ratio_gives_the_same_grid_of_a_scene(scene: Scene, tiny_lake: Lake) -> None:
    shapes = {small(scene, ratio).sar.shape for ratio in tiny_lake.ratios}
    assert len(shapes) == 1
    assert max(*shapes.pop()) <= LIMIT


def test_it_comes_back_as_it_was(scene: Scene, tmp_path: Path) -> None:
    made = small(scene, 10)
    path = made.write(tmp_path)
    assert path.name == f"{scene.record.scene_id}.npz"
    again = SmallMap.parse(path.read_bytes())
    assert (again.scene_id, again.words, again.spacing_m) == (made.scene_id, made.words, made.spacing_m)
    assert again.orientation == made.orientation
    for one, other in ((made.charts, again.charts), (made.predicted, again.predicted)):
        assert list(one) == list(other) == ["SOD", "FLOE"]
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert np.array_equal(made.sar, again.sar)
    assert np.array_equal(made.land, again.land)


def test_a_block_has_its_commonest_class_and_the_mean_of_its_sar(scene: Scene) -> None:
    record = scene.record.model_copy(update={"lines": 1200, "samples": 1200})  # blocks of 4 raw pixels
    other = Scene(record, scene._store)
    classes = np.tile(np.array([[5, 1], [1, 255]], np.uint8), (300, 300))
    alike = np.tile(np.array([[4, 255], [255, 4]], np.uint8), (300, 300))
    none = np.full((600, 600), 255, np.uint8)
    sar = np.tile(np.array([[-20.0, np.nan], [-10.0, np.nan]], np.float32), (300, 300))
    found = small_map(
        other,
        {"nersc_sar_primary": sar},
        ratio=2,
        ground_ratio=2,
        charts={"SOD": classes, "SIC": none},
        predicted={"SOD": alike},
    )
    assert found.spacing_m == 160.0
    assert found.sar.shape == (300, 300)
    assert (found.charts["SOD"] == 1).all()
    assert (found.charts["SIC"] == 255).all()
    assert (found.predicted["SOD"] == 4).all(), "a class before no label"
    assert (found.sar == 32).all(), "-15 dB is the middle of its limits"
    assert not found.land.any()


def test_land_is_zone_0(scene: Scene) -> None:
    record = scene.record.model_copy(update={"lines": 800, "samples": 800})
    zones = np.zeros((400, 400), np.float32)
    zones[:, 200:] = 0.75
    blank = np.zeros((400, 400), np.uint8)
    found = small_map(
        Scene(record, scene._store),
        {"nersc_sar_primary": np.zeros((400, 400), np.float32), "distance_map": zones},
        ratio=2,
        ground_ratio=2,
        charts={"SOD": blank},
        predicted={"SOD": blank},
    )
    assert found.land[:, :200].all()
    assert not found.land[:, 200:].any()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_another_file_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(SmallMapError, match="no small maps of a scene"):
        SmallMap.parse(content)
