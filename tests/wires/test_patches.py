"""Patch-based trials: which scenes their patches are of, by which rules, and against what they are scored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from datasets.labels import CHARTS
from datasets.lake import Lake
from tests.wires.recording import Recorded, record
from tests.wires.test_selection import SPEC
from training.data.pure_patches import scored_patches, training_patches
from training.data.trial_data import TrialData
from training.evaluation.bins import ScoreKey
from training.evaluation.score_network import score_trial
from training.models import build_network
from training.spec import TrialSpec

PATCH = SPEC.with_all(
    {
        "data.task": "patch",
        "data.ratio": 2,
        "data.stride": 12,
        "model.params": {"pooled": True},
        "loop.max_epochs": 1,
        "loop.batches_per_epoch": 3,
    }
)


def data_of(spec: TrialSpec, lake: Lake) -> TrialData:
    return TrialData.of(spec, lake, torch.device("cpu"), cache=None)


@pytest.fixture(scope="module")
def trial(wired_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record(PATCH, wired_lake, tmp_path_factory.mktemp("trial"))


def test_each_split_is_used_for_its_purpose(trial: Recorded, wired_lake: Lake) -> None:
    catalog, data = wired_lake.catalog(), data_of(PATCH, wired_lake)
    assert {scene for batch in trial.wires.order for scene, _, _ in batch} <= {*catalog.split("train").scene_ids}
    val, test = (scored_patches(data, data.scenes.of(split)) for split in ("val", "test"))  # type: ignore[arg-type]
    assert val is not None
    assert test is not None
    places = zip(val.scene, val.line, val.sample, strict=True)
    asked = [(val.scene_ids[scene], line, sample) for scene, line, sample in places]
    assert [window for window, _ in trial.wires.val] == asked
    assert {scene for scene, _, _ in trial.calibrated} == {scene for scene, _, _ in asked}
    assert {scene for scene, _, _ in asked} <= {*catalog.split("val").scene_ids}
    matrix = np.array(trial.result.matrices[ScoreKey("test_patches", "SOD")])
    assert matrix.sum(axis=1).tolist() == test.class_counts.tolist()


@pytest.mark.parametrize("changes", [{}, {"data.targets": ["FLOE"]}])
def test_pure_patches_are_scored_by_the_chart_under_them(wired_lake: Lake, changes: Mapping[str, Any]) -> None:
    """Every scene by itself: the labels of one are not those of another."""
    spec = PATCH.with_all(changes)
    chart, data = spec.data.primary, data_of(spec, wired_lake)
    pure = scored_patches(data, data.scenes.test)
    assert pure is not None
    torch.manual_seed(0)
    scored = score_trial(build_network(spec), data, tiling=None, pure=pure)
    for scene_id in data.scenes.test.scene_ids:
        labels = wired_lake.scene(scene_id).whole(2, [chart])[chart]
        place = pure.scene_ids.index(scene_id)
        corners = zip(pure.line[pure.scene == place], pure.sample[pure.scene == place], strict=True)
        wanted = np.bincount([labels[line, sample] for line, sample in corners], minlength=CHARTS[chart].n_classes)
        (matrix,) = (
            each
            for key, each in scored.matrices.items()
            if (key.grid, key.chart, key.bin.value) == ("test_patches", chart, scene_id)
        )
        assert matrix.counts.sum(axis=1).tolist() == wanted.tolist()


@pytest.mark.parametrize(
    "changes",
    [
        {"data.border_distance": 1000.0},
        {"data.max_land": 0.0},
        {"data.targets": ["FLOE"]},
        {"data.stride": 5},
        {"data.patch_size": 20},
    ],
)
def test_a_rule_of_the_spec_reaches_the_patches(wired_lake: Lake, changes: Mapping[str, Any]) -> None:
    spec = PATCH.with_all(changes)
    found, plain = (training_patches(data_of(each, wired_lake), 0) for each in (spec, PATCH))
    rule = found.rule
    assert len(found) != len(plain) or rule.max_land == 0.0  # no label of the synthetic lake lies on land
    named = {"target": spec.data.primary, **{name: getattr(spec.data, name) for name in ("patch_size", "stride")}}
    named |= {name: getattr(spec.data, name) for name in ("ratio", "border_distance", "max_land")}
    assert rule.model_dump() == named
    for row in range(0, len(found), max(len(found) // 40, 1)):
        scene = wired_lake.scene(found.scene_ids[found.scene[row]])
        window = tuple(
            slice(start, start + rule.patch_size) for start in (int(found.line[row]), int(found.sample[row]))
        )
        assert set(scene.window(2, rule.target, *window).ravel().tolist()) == {int(found.label[row])}
        assert scene.window(2, "distance_to_border", *window).min() >= spec.data.border_distance
        assert (scene.window(2, "distance_map", *window) < 0.5).mean() <= spec.data.max_land
