"""Intervals over test scenes: against loops, by hand, and by their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, r2_score

from sweeps.report.bootstrap import DRAWS, Interval, interval, multiplicities, sample, score, scored_scenes
from sweeps.report.evidence import FinishedTrial
from tests.invented_studies import result, scenes, trial_row
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metric_names import MetricName, parse_metric
from training.evaluation.metrics import combined_score

F1 = MetricName(grid="test_80m", score="f1")


def trial(quality: float = 0.7, seed: int = 0, n_scenes: int = 6, **options: object) -> FinishedTrial:
    found = result(scenes(n_scenes), quality, seed, **options)  # type: ignore[arg-type]
    row = trial_row({"a": "1"}, seed).model_copy(update={"metrics": found.metrics})
    return FinishedTrial(key=("1",), row=row, result=found)


def pixels(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true, predicted = np.indices(matrix.shape)
    return np.repeat(true.ravel(), matrix.ravel()), np.repeat(predicted.ravel(), matrix.ravel())


@pytest.mark.parametrize(
    "name",
    [
        "test_80m/f1", "test/f1_macro", "test/accuracy", "test_80m/iou", "test/class/old_ice/f1", "test_80m/winter/f1",
        "test/cat1/f1_macro", "test/melt/accuracy", "test/precision_macro",
    ],
)  # fmt: skip
def test_the_score_of_all_scenes_is_the_metric_of_the_trial(name: str) -> None:
    own, metric = trial(), parse_metric(name)
    assert metric is not None
    found = sample(own, metric, scored_scenes(own, metric))
    assert found.value == pytest.approx(own.metrics[name], abs=1e-12)


def test_scores_are_those_of_scikit_learn_on_the_pooled_pixels() -> None:
    own = trial(n_scenes=2)
    assert own.result is not None
    pooled = np.sum([np.array(rows) // 50 for rows in own.result.scene_matrices("test", "SOD").values()], axis=0)
    true, predicted = pixels(pooled)
    counts = {"SOD": pooled.astype(float)}
    for metric, average in (("f1", "weighted"), ("f1_macro", "macro")):
        expected = f1_score(true, predicted, average=average, zero_division=0)
        assert score(MetricName(grid="test", score=metric), counts) == pytest.approx(expected)
    assert score(MetricName(grid="test", score="r2"), counts) == pytest.approx(r2_score(true, predicted))


def test_every_draw_is_what_a_loop_over_scenes_gives() -> None:
    own = trial(n_scenes=5)
    assert own.result is not None
    ids = scored_scenes(own, F1)
    found = sample(own, F1, ids)
    matrices = own.result.scene_matrices("test_80m", "SOD")
    for draw in (0, 1, 17, DRAWS - 1):
        pooled = ConfusionMatrix.zero(6)
        for place, times in enumerate(multiplicities(5)[draw]):
            for _ in range(int(times)):
                pooled += ConfusionMatrix.from_lists(matrices[ids[place]])
        assert found.draws[draw] == pytest.approx(pooled.metrics().f1, abs=1e-12)


def test_the_autoice_score_takes_the_same_draw_for_its_charts() -> None:
    own = trial(n_scenes=3, charts=("SIC", "SOD", "FLOE"))
    assert own.result is not None
    metric = MetricName(grid="test_80m", score="autoice")
    ids = scored_scenes(own, metric)
    found = sample(own, metric, ids)
    assert found.value == pytest.approx(own.metrics["test_80m/autoice"], abs=1e-9)
    sums = {}
    for chart, n in (("SIC", 11), ("SOD", 6), ("FLOE", 7)):
        of_scene = own.result.scene_matrices("test_80m", chart)
        counts = sum(
            int(times) * np.array(of_scene[ids[place]]) for place, times in enumerate(multiplicities(3)[4])
        ) + np.zeros((n, n), int)
        sums[chart] = ConfusionMatrix(counts)
    assert found.draws[4] == pytest.approx(combined_score(sums), abs=1e-9)


def test_draws_are_with_replacement_the_same_every_time_and_of_the_right_size() -> None:
    times = multiplicities(7)
    assert times.shape == (DRAWS, 7)
    assert (times.sum(axis=1) == 7).all()
    assert times.mean() == pytest.approx(1.0)
    assert times.var() == pytest.approx(6 / 7, rel=0.05)  # of a binomial of 7 draws with chance 1/7
    multiplicities.cache_clear()
    assert np.array_equal(times, multiplicities(7))


@pytest.mark.slow
@given(st.floats(0.2, 0.9), st.integers(0, 3), st.integers(2, 8))
def test_a_trial_against_itself_differs_by_nothing(quality: float, seed: int, n_scenes: int) -> None:
    one, other = trial(quality, seed, n_scenes), trial(quality, seed, n_scenes)
    ids = scored_scenes(one, F1)
    found = interval(sample(one, F1, ids).draws - sample(other, F1, ids).draws)
    assert (found.low, found.high) == (0.0, 0.0)
    assert found.holds(0.0)


def test_an_interval_leaves_out_a_fortieth_at_each_end() -> None:
    found = interval(np.arange(1001) / 1000)
    assert (found.low, found.high) == pytest.approx((0.025, 0.975))


def test_too_many_draws_without_a_score_give_no_interval() -> None:
    draws = np.ones(100)
    draws[:5] = np.nan
    assert interval(draws) == Interval(low=1.0, high=1.0)
    draws[:6] = np.nan
    assert not interval(draws).known


def test_scenes_that_count_are_those_of_the_bin_with_labels() -> None:
    own = trial(n_scenes=8)
    assert len(scored_scenes(own, F1)) == 8
    assert scored_scenes(own, MetricName(grid="test", bin="winter", score="f1")) == ("scene00", "scene04")
    assert scored_scenes(own, MetricName(grid="test", bin="cat4", score="f1")) == ()
    assert scored_scenes(own, MetricName(grid="test_patches", score="f1")) == ()
    assert own.result is not None
    empty = own.result.model_copy(
        update={"scenes": tuple(row.model_copy(update={"n": 0}) for row in own.result.scenes)}
    )
    without = FinishedTrial(key=own.key, row=own.row, result=empty)
    assert scored_scenes(without, F1) == ()
