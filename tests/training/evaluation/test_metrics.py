from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from datasets.errors import SplitError
from training.evaluation.bins import ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import combined_score, metrics_of, r2

SIC_N, SOD_N, FLOE_N = 11, 6, 7
classes = st.integers(0, 10)


def matrix(n: int, counts: dict[tuple[int, int], int]) -> ConfusionMatrix:
    table = np.zeros((n, n), int)
    for place, count in counts.items():
        table[place] = count
    return ConfusionMatrix(table)


def drawn(n: int, seed: int, pixels: int = 500) -> tuple[np.ndarray, np.ndarray, ConfusionMatrix]:
    """Truth, prediction and their matrix; a third of the truth has no label."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, n, pixels).astype(np.uint8)
    pred = np.where(rng.random(pixels) < 0.6, true, rng.integers(0, n, pixels)).astype(np.uint8)
    true[rng.random(pixels) < 0.33] = 255
    labelled = true != 255
    return true[labelled], pred[labelled], ConfusionMatrix.from_arrays(true, pred, n)


@given(st.lists(st.tuples(classes, classes), min_size=2, max_size=60))
def test_r2_is_that_of_scikit_learn_on_all_pixels(rows: list[tuple[int, int]]) -> None:
    true, pred = np.array(rows, np.uint8).T
    ours = r2(ConfusionMatrix.from_arrays(true, pred, SIC_N))
    assert ours == pytest.approx(sk.r2_score(true.astype(float), pred.astype(float)), abs=1e-9)


def test_r2_does_not_lose_digits_with_many_pixels() -> None:
    few = matrix(SIC_N, {(0, 0): 7, (10, 9): 2, (3, 4): 1})
    many = ConfusionMatrix(few.counts * 10**9)
    assert r2(many) == r2(few)


def test_r2_of_one_class_and_of_nothing() -> None:
    assert r2(matrix(SIC_N, {(3, 3): 5})) == 1.0
    assert r2(matrix(SIC_N, {(3, 3): 5, (3, 4): 1})) == 0.0
    assert np.isnan(r2(ConfusionMatrix.zero(SIC_N)))


def test_the_combined_score_is_that_of_the_challenge() -> None:
    sic_true, sic_pred, sic = drawn(SIC_N, 1)
    sod_true, sod_pred, sod = drawn(SOD_N, 2)
    floe_true, floe_pred, floe = drawn(FLOE_N, 3)
    wanted = (
        2 * sk.r2_score(sic_true.astype(float), sic_pred.astype(float))
        + 2 * sk.f1_score(sod_true, sod_pred, average="weighted")
        + sk.f1_score(floe_true, floe_pred, average="weighted")
    ) / 5
    assert combined_score({"FLOE": floe, "SIC": sic, "SOD": sod}) == pytest.approx(wanted)


def test_the_combined_score_of_fewer_charts_keeps_the_weights() -> None:
    sod, floe = (matrix(n, {(0, 0): 3, (1, 0): 1, (1, 1): 2}) for n in (SOD_N, FLOE_N))
    perfect = matrix(SOD_N, {(2, 2): 9})
    f1 = sod.metrics().f1
    assert combined_score({"SOD": sod}) == f1
    assert combined_score({"SOD": perfect, "FLOE": floe}) == pytest.approx((2 + f1) / 3)
    unlabelled = {"SOD": sod, "SIC": ConfusionMatrix.zero(SIC_N)}
    assert combined_score(unlabelled) == pytest.approx(f1), "a chart without a pixel says nothing"
    assert np.isnan(combined_score({"SOD": ConfusionMatrix.zero(SOD_N)}))


def by_key(sums: Mapping[str, ConfusionMatrix]) -> dict[ScoreKey, ConfusionMatrix]:
    return {ScoreKey.parse(name): one for name, one in sums.items()}


def test_names_and_values_of_metrics() -> None:
    one = matrix(SOD_N, {(0, 0): 6, (0, 1): 2, (1, 0): 1, (1, 1): 1})
    sums = {
        "test/SOD/all": one,
        "test/SOD/season/winter": one,
        "test/SOD/location/cat4": ConfusionMatrix.zero(SOD_N),
        "test/SOD/cryoseason/melt": one,
        "test/SOD/scene/a": one,
        "test_patches/SOD/all": one,
    }
    metrics = metrics_of(by_key(sums), ("SOD",))
    whole = one.metrics()
    assert metrics["test/f1"] == metrics["test_patches/f1"] == whole.f1
    assert metrics["test/f1_macro"] == whole.f1_macro
    assert metrics["test/accuracy"] == 0.7
    assert metrics["test/iou"] == whole.iou
    assert metrics["test/winter/f1"] == metrics["test/melt/f1"] == whole.f1
    assert metrics["test/winter/f1_macro"] == whole.f1_macro
    assert metrics["test/class/new_ice/f1"] == pytest.approx(0.4)
    assert metrics["test/class/new_ice/precision"] == pytest.approx(1 / 3)
    assert metrics["test/class/new_ice/recall"] == 0.5
    assert metrics["test/class/new_ice/iou"] == 0.25
    # 8 of 10 pixels are water: precision 0.8 and recall 1 there, weight 0.8.
    assert metrics["test/majority_f1"] == pytest.approx(0.8 * 2 * 0.8 / 1.8)
    assert not any("old_ice" in name for name in metrics), "neither in truth nor predicted"
    assert not any("cat4" in name or "scene" in name or "SOD" in name or "r2" in name for name in metrics)
    assert not any(np.isnan(value) for value in metrics.values())


def test_scores_of_several_charts_agree_with_scikit_learn_on_pooled_pixels() -> None:
    sizes = {"SOD": SOD_N, "SIC": SIC_N, "FLOE": FLOE_N}
    scenes = {name: [drawn(n, seed) for seed in (10, 20, 30)] for name, n in sizes.items()}
    sums = {
        f"test/{name}/all": sum((one for _, _, one in of_chart), ConfusionMatrix.zero(sizes[name]))
        for name, of_chart in scenes.items()
    }
    metrics = metrics_of(by_key(sums), tuple(sizes))
    for name, of_chart in scenes.items():
        true, pred = (np.concatenate([scene[place] for scene in of_chart]) for place in (0, 1))
        prefix = "test" if name == "SOD" else f"test/{name}"
        assert metrics[f"{prefix}/accuracy"] == pytest.approx(sk.accuracy_score(true, pred))
        for average, suffix in (("weighted", ""), ("macro", "_macro")):
            precision, recall, f1, _ = sk.precision_recall_fscore_support(true, pred, average=average, zero_division=0)
            assert metrics[f"{prefix}/precision{suffix}"] == pytest.approx(precision)
            assert metrics[f"{prefix}/recall{suffix}"] == pytest.approx(recall)
            assert metrics[f"{prefix}/f1{suffix}"] == pytest.approx(f1)
            assert metrics[f"{prefix}/iou{suffix}"] == pytest.approx(sk.jaccard_score(true, pred, average=average))
    true, pred = (np.concatenate([scene[place] for scene in scenes["SIC"]]).astype(float) for place in (0, 1))
    assert metrics["test/SIC/r2"] == metrics["test/autoice_sic_r2"] == pytest.approx(sk.r2_score(true, pred))
    assert metrics["test/autoice_sod_f1"] == metrics["test/f1"]
    assert metrics["test/autoice_floe_f1"] == metrics["test/FLOE/f1"]
    assert metrics["test/autoice"] == pytest.approx(
        (2 * metrics["test/SIC/r2"] + 2 * metrics["test/f1"] + metrics["test/FLOE/f1"]) / 5
    )
    assert "test/r2" not in metrics
    assert "test/FLOE/r2" not in metrics


def test_no_autoice_score_without_all_three_charts() -> None:
    two = {"test/SIC/all": drawn(SIC_N, 1)[2], "test/SOD/all": drawn(SOD_N, 2)[2]}
    metrics = metrics_of(by_key(two), ("SIC", "SOD"))
    assert metrics["test/r2"] == r2(two["test/SIC/all"])
    assert "test/SOD/f1" in metrics
    assert not any("autoice" in name for name in metrics)
    unlabelled = two | {"test/FLOE/all": ConfusionMatrix.zero(FLOE_N)}
    assert not any("autoice" in name for name in metrics_of(by_key(unlabelled), ("SIC", "SOD", "FLOE")))


def test_metric_names_are_legal_for_every_chart() -> None:
    metrics = metrics_of(by_key({"test/SIC/all": ConfusionMatrix(np.eye(11, dtype=int))}), ("SIC",))
    assert "test/class/10_percent/f1" in metrics
    assert not any("%" in name for name in metrics)


def test_no_labelled_test_pixel_is_an_error() -> None:
    eye = ConfusionMatrix(np.eye(6, dtype=int))
    with pytest.raises(SplitError, match="no test scene has a pixel labelled in SOD on the grid 'test_80m'"):
        metrics_of(by_key({"test/SOD/all": eye, "test_80m/SOD/all": ConfusionMatrix.zero(6)}), ("SOD",))
