"""A scene of a lake: its variables whole and in windows."""

import numpy as np
import pytest

from datasets.scene import Scene


def test_a_store_of_the_default_layout_is_read_whole(tiny_lake_scene: Scene) -> None:
    names = ("nersc_sar_primary", "SOD", "t2m")
    found = tiny_lake_scene.whole(2, names)
    opened = {**tiny_lake_scene.open(2), **tiny_lake_scene.open_km2()}
    for name in names:
        np.testing.assert_array_equal(found[name], opened[name].to_numpy())
    patch = tiny_lake_scene.windows(2, names[:2], slice(3, 90), slice(100, 101))
    np.testing.assert_array_equal(patch["SOD"], found["SOD"][3:90, 100:101])


@pytest.fixture
def tiny_lake_scene(request: pytest.FixtureRequest) -> Scene:
    lake = request.getfixturevalue("tiny_lake")
    scene: Scene = lake.scene(lake.catalog().scene_ids[0])
    return scene
