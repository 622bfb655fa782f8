"""Maps of scored test scenes."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from datasets.lake import Lake
from training.artifacts.maps import draw_maps, map_drawer
from training.evaluation.score_scenes import SceneScore
from training.evaluation.score_trial import draw_nothing
from training.spec import TrialSpec


@pytest.mark.slow
def test_a_scene_has_a_picture_for_each_target(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    spec = small_spec.with_("data.targets", ["SOD", "FLOE"])
    record = tiny_lake.catalog().split("test").records[0]
    scene = tiny_lake.scene(record.scene_id)
    truth = {name: scene.whole(10, [name])[name].astype(np.uint8) for name in spec.data.targets}
    score = SceneScore(record=record, predicted=truth, truth=truth, matrices={})
    paths = draw_maps(score, spec, tiny_lake, tmp_path)
    names = [f"{record.scene_id}.npz", *(f"{record.scene_id}_{name}.png" for name in ("SOD", "FLOE"))]
    assert paths == [tmp_path / name for name in names]
    assert all(imread(path).std() > 0 for path in paths[1:])
    assert map_drawer(spec, tiny_lake, tmp_path / "again")(score) == [tmp_path / "again" / path.name for path in paths]


def test_a_lake_without_sar_has_no_maps(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lake, "moments", lambda lake, group: {"nersc_sar_primary": None})
    assert map_drawer(small_spec, tiny_lake, tmp_path) is draw_nothing
