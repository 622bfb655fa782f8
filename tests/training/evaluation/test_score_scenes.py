"""Scores of scenes of a real lake: by tiles, by windows, one after the other and many at once."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from datasets.catalog import Catalog
from datasets.labels import CHARTS
from datasets.lake import Lake
from datasets.scene import SceneRecord
from datasets.sigrid import Dominance
from tests.training.evaluation.scene_inputs import TensorInputs
from training.artifacts.maps import map_drawer
from training.evaluation.bins import ScoreKey, sum_bins
from training.evaluation.confusion import ClassRangeError, ConfusionMatrix
from training.evaluation.metrics import metrics_of
from training.evaluation.score_scenes import (
    PurePatches,
    SceneScore,
    SceneToScore,
    TruthGrid,
    open_scene,
    score_scenes,
    tiling_for,
    truth_grids,
)
from training.evaluation.sliding import Sliding
from training.evaluation.tiles import Tiling
from training.models.heads import Head, heads_of
from training.spec import TrialSpec

ALL_CHARTS = ("SOD", "SIC", "FLOE")


def scenes_of(lake: Lake) -> Catalog:
    return lake.catalog().split("test")


class Known(nn.Module):
    """Answers with its input: channels that are already outputs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def answers(lake: Lake, record: SceneRecord, spec: TrialSpec) -> TensorInputs:
    """Inputs that are the outputs which the truth would need, class 0 where there is no label."""
    parts = []
    for head in heads_of(spec):
        truth = lake.scene(record.scene_id).whole(spec.data.ratio, [head.chart.name])[head.chart.name]
        known = torch.from_numpy(np.where(truth == 255, 0, truth).astype(np.int64))
        one_hot = nn.functional.one_hot(known, head.chart.n_classes).permute(2, 0, 1).float()
        parts.append(known[None].float() + 0.3 if head.regression else one_hot)
    return TensorInputs(torch.cat(parts))


def score_scene(model: nn.Module, scene: SceneToScore, spec: TrialSpec, tiling: Tiling | None) -> SceneScore:
    """One scene by itself."""
    [score] = score_scenes(model, [scene.record], lambda _: scene, spec, tiling, lambda score: score)
    return score


def nothing(record: SceneRecord, ratio: int, channels: int) -> TensorInputs:
    return TensorInputs(torch.zeros(channels, record.lines // ratio, record.samples // ratio))


TILES = Tiling(side=64, halo=0, stride=1)


@pytest.mark.parametrize("ratio", [1, 2, 5, 10])
def test_every_ratio_is_scored_on_the_same_pixels_of_the_fixed_grid(
    tiny_lake: Lake, small_spec: TrialSpec, ratio: int
) -> None:
    spec = small_spec.with_("data.ratio", ratio)
    for record in scenes_of(tiny_lake):
        scene = open_scene(nothing(record, ratio, 6), tiny_lake, record, spec)
        score = score_scene(Known(), scene, spec, TILES)
        truth = tiny_lake.scene(record.scene_id).whole(2, ["SOD"])["SOD"]
        wanted = [int((truth == k).sum()) for k in range(6)]
        assert score.matrices[ScoreKey("test_80m", "SOD")].counts[:, 0].tolist() == wanted
        assert score.matrices[ScoreKey("test_80m", "SOD")].n == sum(wanted)
        assert score.matrices[ScoreKey("test", "SOD")].n == int((score.truth["SOD"] != 255).sum())
        assert (
            score.truth["SOD"].shape == score.predicted["SOD"].shape == (record.lines // ratio, record.samples // ratio)
        )


def test_a_network_that_knows_the_truth_of_all_charts_gets_full_marks(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_all({"data.ratio": 2, "data.targets": list(ALL_CHARTS), "loss.sic": "regression"})
    scored = []
    for record in scenes_of(tiny_lake):
        scene = open_scene(answers(tiny_lake, record, spec), tiny_lake, record, spec)
        score = score_scene(Known(), scene, spec, TILES)
        assert score.matrices.keys() == {ScoreKey(grid, name) for grid in ("test", "test_80m") for name in ALL_CHARTS}
        scored.append((record, score.matrices))
    metrics = metrics_of(sum_bins(scored), ALL_CHARTS)
    assert {value for name, value in metrics.items() if not name.endswith("majority_f1")} == {1.0}
    assert metrics["test/majority_f1"] < 1.0
    assert {"test/autoice", "test_80m/autoice", "test/SIC/r2", "test/FLOE/class/big_floe/iou"} <= metrics.keys()


def test_inputs_off_the_grid_of_the_chart_are_an_error(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    record = next(iter(scenes_of(tiny_lake)))
    scene = open_scene(TensorInputs(torch.zeros(6, 9, 9)), tiny_lake, record, small_spec)
    with pytest.raises(ClassRangeError, match="they must be one grid"):
        score_scene(Known(), scene, small_spec, TILES)


class Corner(nn.Module):
    """Classifies a window by the class written into its first pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.windows = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.windows += len(x)
        return nn.functional.one_hot(x[:, 0, 0, 0].long(), 6).float()


def test_patch_based_networks_are_scored_as_maps_and_on_pure_patches(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_all({"data.task": "patch", "data.stride": 5})
    record = next(iter(scenes_of(tiny_lake)))
    shape = (record.lines // 10, record.samples // 10)
    inputs = TensorInputs(torch.from_numpy(np.random.default_rng(0).integers(0, 6, (1, *shape)).astype(np.float32)))
    corners = np.array([[0, 0], [5, 10], [shape[0] - 16, shape[1] - 16]])
    patches = PurePatches(corners=corners, labels=np.array([1, 2, 3], np.uint8))
    says = inputs.x_CHW[0, corners[:, 0], corners[:, 1]].int().tolist()
    scene = open_scene(inputs, tiny_lake, record, spec, patches)
    model = Corner()
    score = score_scene(model, scene, spec, tiling_for(model, spec))
    sliding = Sliding.over(shape, 16, 5)
    assert model.windows == len(sliding.corners), "patches that are windows of the map are not computed again"
    wanted = sliding.raster(inputs.x_CHW[0, sliding.corners[:, 0], sliding.corners[:, 1]].numpy().astype(np.uint8))
    assert np.array_equal(score.predicted["SOD"], wanted)
    assert score.matrices[ScoreKey("test", "SOD")] == ConfusionMatrix.from_arrays(score.truth["SOD"], wanted, 6)
    assert score.matrices[ScoreKey("test_80m", "SOD")].n > score.matrices[ScoreKey("test", "SOD")].n
    assert score.matrices[ScoreKey("test_patches", "SOD")] == ConfusionMatrix.from_arrays(
        patches.labels, np.array(says), 6
    )

    coarse = score_scene(model, scene, spec.with_("evaluation.map_stride", 7), None)
    assert coarse.matrices[ScoreKey("test_patches", "SOD")] == score.matrices[ScoreKey("test_patches", "SOD")], (
        "whatever the stride of the map"
    )
    without = score_scene(model, replace(scene, patches=None), spec, None)
    assert without.matrices.keys() == {ScoreKey("test", "SOD"), ScoreKey("test_80m", "SOD")}


def test_many_scenes_give_what_each_gives_and_in_order(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    records = list(scenes_of(tiny_lake))
    threads: dict[str, set[str]] = {"open": set(), "finish": set()}

    def open_one(record: SceneRecord) -> SceneToScore:
        threads["open"].add(threading.current_thread().name)
        return open_scene(answers(tiny_lake, record, small_spec), tiny_lake, record, small_spec)

    def finish(score: SceneScore) -> tuple[str, ConfusionMatrix]:
        threads["finish"].add(threading.current_thread().name)
        return score.record.scene_id, score.matrices[ScoreKey("test", "SOD")]

    found = list(score_scenes(Known(), records, open_one, small_spec, TILES, finish))
    alone = [score_scene(Known(), open_one(record), small_spec, TILES) for record in records]
    assert found == [
        (record.scene_id, score.matrices[ScoreKey("test", "SOD")]) for record, score in zip(records, alone, strict=True)
    ]
    assert threading.main_thread().name not in threads["finish"]


def test_errors_of_any_stage_reach_the_caller(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    records = list(scenes_of(tiny_lake))

    def open_one(record: SceneRecord) -> SceneToScore:
        return open_scene(answers(tiny_lake, record, small_spec), tiny_lake, record, small_spec)

    def away(_: object) -> SceneToScore:
        raise OSError("the store is away")

    with pytest.raises(OSError, match="the store is away"):
        list(score_scenes(Known(), records, away, small_spec, TILES, lambda score: score))
    with pytest.raises(OSError, match="the store is away"):
        list(score_scenes(Known(), records, open_one, small_spec, TILES, away))


def test_the_grid_is_named_by_its_spacing(small_spec: TrialSpec) -> None:
    own = small_spec.data.ratio
    assert list(truth_grids(small_spec).items()) == [("test", TruthGrid(ratio=own)), ("test_80m", TruthGrid(ratio=2))]
    assert list(truth_grids(small_spec.with_("evaluation.fixed_ratio", 5))) == ["test", "test_200m"]
    assert list(truth_grids(small_spec.with_("evaluation.fixed_ratio", None))) == ["test"]


def test_one_grid_alone(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_("evaluation.fixed_ratio", None)
    record = next(iter(scenes_of(tiny_lake)))
    score = score_scene(Known(), open_scene(nothing(record, 10, 6), tiny_lake, record, spec), spec, TILES)
    assert score.matrices.keys() == {ScoreKey("test", "SOD")}


@pytest.mark.slow
def test_a_map_is_drawn_for_each_target(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    spec = small_spec.with_("data.targets", ["SOD", "FLOE"])
    record = next(iter(scenes_of(tiny_lake)))
    score = score_scene(Known(), open_scene(answers(tiny_lake, record, spec), tiny_lake, record, spec), spec, TILES)
    paths = map_drawer(spec, tiny_lake, tmp_path)(score)
    png = [f"{record.scene_id}_SOD.png", f"{record.scene_id}_FLOE.png"]
    assert [path.name for path in paths] == [f"{record.scene_id}.npz", *png]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths[1:])


def test_heads_are_those_of_the_targets(small_spec: TrialSpec) -> None:
    assert heads_of(small_spec) == (Head(chart=CHARTS["SOD"], regression=False, first=0),)


def test_truths_of_other_shares_of_dominance_are_grids_of_their_own(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_("evaluation.dominance", [0.5, 0.9])
    assert list(truth_grids(spec)) == ["test", "test_80m", "test_80m_d50", "test_80m_d90"]
    record = next(iter(scenes_of(tiny_lake)))
    truth = open_scene(nothing(record, 10, 6), tiny_lake, record, spec).truth
    sure, any_share = truth[ScoreKey("test_80m_d90", "SOD")], truth[ScoreKey("test_80m_d50", "SOD")]
    known = sure != 255
    np.testing.assert_array_equal(sure[known], any_share[known])
    assert np.count_nonzero(any_share != 255) >= np.count_nonzero(known) > 0
    np.testing.assert_array_equal(sure, tiny_lake.scene(record.scene_id).charts(2, Dominance(0.9, 0.9))["SOD"])
