"""Labels with another share of dominance, window by window, are the charts that the polygons give."""

from pathlib import Path

import numpy as np
import pytest

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.scene_reader import SceneReader
from datasets.sigrid import Dominance


@pytest.mark.parametrize("cached", [False, True])
def test_windows_of_labels_are_those_of_the_whole_charts(tiny_lake: Lake, tmp_path: Path, *, cached: bool) -> None:
    cache = NodeCache(folder=tmp_path, max_bytes=1 << 28) if cached else None
    some = [record.scene_id for record in tiny_lake.catalog()][:3]
    labelled = []
    for share in (0.5, 0.9):
        reader = SceneReader(
            tiny_lake, ratio=2, channels=["t2m"], targets=["FLOE", "SOD"], cache=cache, dominance=share
        )
        for scene_id in some:
            charts = tiny_lake.scene(scene_id).charts(2, Dominance(share, share))
            found = reader.labels(scene_id, slice(10, 70), slice(5, 90))
            assert found.dtype == np.uint8
            for place, name in enumerate(("FLOE", "SOD")):
                np.testing.assert_array_equal(found[place], charts[name][10:70, 5:90])
        whole = (tiny_lake.scene(each).charts(2, Dominance(share, share))["SOD"] for each in some)
        labelled.append(sum(int((chart != 255).sum()) for chart in whole))
    assert labelled[0] >= labelled[1]
