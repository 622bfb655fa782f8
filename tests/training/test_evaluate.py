import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from datasets.errors import SplitError
from datasets.labels import SIC, SOD
from datasets.lake import Lake
from datasets.loaders import load_chart
from datasets.normalize import Normalization
from datasets.scene import SceneRecord
from training.confusion import ConfusionMatrix
from training.evaluate import bins_of, grid_names, metrics_of, nearest_index, score_scene, sum_bins, to_grid
from training.predict import logits_of, predict_scene
from training.spec import TrialSpec

CPU = torch.device("cpu")
ratios = st.sampled_from([1, 2, 3, 5, 10])


@given(st.integers(20, 300), ratios, ratios)
def test_nearest_index_is_the_pixel_under_the_centre(full: int, ratio: int, fixed: int) -> None:
    own, length = full // ratio, full // fixed
    index = nearest_index(length, ratio, fixed, own)
    for j in range(length):
        under = int((j + 0.5) * fixed / ratio + 1e-9)
        assert index[j] == min(under, own - 1)


@given(st.integers(1, 40), st.integers(1, 40), ratios)
def test_on_its_own_grid_nothing_moves(lines: int, samples: int, ratio: int) -> None:
    classes = np.arange(lines * samples, dtype=np.uint8).reshape(lines, samples)
    assert np.array_equal(to_grid(classes, ratio, ratio, classes.shape), classes)


def test_a_coarse_prediction_is_repeated_and_held_beyond_its_end() -> None:
    coarse = np.array([[1, 2]], np.uint8)  # ratio 4 of a scene of 7 x 11 pixels: trimmed to 4 x 8
    fine = to_grid(coarse, 4, 2, (3, 5))
    assert fine.tolist() == [[1, 1, 2, 2, 2]] * 3


def test_a_fine_prediction_is_picked_at_the_centre() -> None:
    fine = np.arange(12, dtype=np.uint8)[None].repeat(12, axis=0)
    assert to_grid(fine, 1, 4, (3, 3))[0].tolist() == [2, 6, 10]


class Constant(nn.Module):
    """Says one class everywhere."""

    def __init__(self, n_classes: int, says: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.functional.one_hot(torch.tensor(says), n_classes).float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight[None, :, None, None].expand(x.shape[0], -1, *x.shape[2:])


def test_prediction_is_whole_uint8_and_in_eval_mode() -> None:
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 3, 1))
    x = torch.randn(2, 7, 9)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    classes = predict_scene(model, x)
    assert classes.shape == (7, 9)
    assert classes.dtype == np.uint8
    assert np.array_equal(classes, logits_of(model, x).argmax(0).numpy())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("ratio", [1, 2, 5, 10])
def test_every_ratio_is_scored_on_the_same_pixels_of_the_fixed_grid(
    tiny_lake: Lake, small_spec: TrialSpec, ratio: int
) -> None:
    spec = small_spec.with_("data.ratio", ratio)
    normalization = Normalization.from_lake(tiny_lake, spec.data.channels, ratio)
    for record in tiny_lake.catalog().split("test"):
        score = score_scene(Constant(6, 0), tiny_lake, record, spec, normalization, device=CPU)
        truth = load_chart(tiny_lake, record.scene_id, ratio=2, target="SOD")
        wanted = [int((truth == k).sum()) for k in range(6)]
        assert score.matrices["test_80m"].counts[:, 0].tolist() == wanted
        assert score.matrices["test_80m"].n == sum(wanted)
        assert score.matrices["test"].n == int((score.truth != 255).sum())
        assert score.truth.shape == (record.lines // ratio, record.samples // ratio)


def test_a_network_that_knows_the_truth_gets_full_marks(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    class Oracle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            known = torch.from_numpy(np.where(truth == 255, 0, truth).astype(np.int64))
            return nn.functional.one_hot(known, 6).permute(2, 0, 1)[None].float() + 0 * self.weight

    spec = small_spec.with_("data.ratio", 2)
    normalization = Normalization.from_lake(tiny_lake, spec.data.channels, 2)
    scores = []
    for record in tiny_lake.catalog().split("test"):
        truth = load_chart(tiny_lake, record.scene_id, ratio=2, target="SOD")
        score = score_scene(Oracle(), tiny_lake, record, spec, normalization, device=CPU)
        scores.append((record, score.matrices))
    metrics = metrics_of(sum_bins(scores), SOD)
    assert {value for name, value in metrics.items() if not name.endswith("majority_f1")} == {1.0}
    assert metrics["test/majority_f1"] < 1.0


def test_the_grid_is_named_by_its_spacing(small_spec: TrialSpec) -> None:
    assert grid_names(small_spec) == ("test", "test_80m")
    assert grid_names(small_spec.with_("evaluation.fixed_ratio", 5)) == ("test", "test_200m")
    assert grid_names(small_spec.with_("evaluation.fixed_ratio", None)) == ("test",)


def changed(record: SceneRecord, **values: object) -> SceneRecord:
    return record.model_copy(update=values)


def test_bins_add_up_and_a_scene_without_cryoseason_is_in_none(tiny_lake: Lake) -> None:
    record = next(iter(tiny_lake.catalog()))
    one = ConfusionMatrix.from_lists([[1, 0], [0, 0]])
    scores = [
        (changed(record, scene_id="a", season="fall", location="cat1", cryoseason="melt"), {"test": one}),
        (changed(record, scene_id="b", season="fall", location="cat2", cryoseason=None), {"test": one}),
        (changed(record, scene_id="c", season="winter", location="cat2", cryoseason="freeze"), {"test": one}),
    ]
    sums = {name: matrix.n for name, matrix in sum_bins(scores).items()}
    assert sums == {
        "test/all": 3,
        "test/season/fall": 2,
        "test/season/winter": 1,
        "test/location/cat1": 1,
        "test/location/cat2": 2,
        "test/cryoseason/melt": 1,
        "test/cryoseason/freeze": 1,
        "test/scene/a": 1,
        "test/scene/b": 1,
        "test/scene/c": 1,
    }
    assert "cryoseason/None" not in " ".join(bins_of(scores[1][0]))


def test_names_and_values_of_metrics() -> None:
    counts = np.zeros((6, 6), int)
    counts[:2, :2] = [[6, 2], [1, 1]]
    sums = {
        "test/all": ConfusionMatrix(counts),
        "test/season/winter": ConfusionMatrix(counts),
        "test/location/cat4": ConfusionMatrix.zero(6),
        "test/cryoseason/melt": ConfusionMatrix(counts),
        "test/scene/a": ConfusionMatrix(counts),
    }
    metrics = metrics_of(sums, SOD)
    whole = ConfusionMatrix(counts).metrics()
    assert metrics["test/f1"] == whole.f1
    assert metrics["test/f1_macro"] == whole.f1_macro
    assert metrics["test/accuracy"] == 0.7
    assert metrics["test/iou"] == whole.iou
    assert metrics["test/winter/f1"] == metrics["test/melt/f1"] == whole.f1
    assert metrics["test/class/new_ice/f1"] == pytest.approx(0.4)
    # 8 of 10 pixels are water: precision 0.8 and recall 1 there, weight 0.8.
    assert metrics["test/majority_f1"] == pytest.approx(0.8 * 2 * 0.8 / 1.8)
    assert "test/class/old_ice/f1" not in metrics, "neither in truth nor predicted"
    assert not any("cat4" in name or "scene" in name for name in metrics)
    assert not any(np.isnan(value) for value in metrics.values())


def test_metric_names_are_legal_for_every_chart() -> None:
    metrics = metrics_of({"test/all": ConfusionMatrix(np.eye(11, dtype=int))}, SIC)
    assert "test/class/10_percent/f1" in metrics
    assert not any("%" in name for name in metrics)


def test_no_labelled_test_pixel_is_an_error() -> None:
    with pytest.raises(SplitError, match="no test scene has a pixel labelled in SOD on the grid 'test_80m'"):
        metrics_of({"test/all": ConfusionMatrix(np.eye(6, dtype=int)), "test_80m/all": ConfusionMatrix.zero(6)}, SOD)
