"""Intervals over test scenes and their test: against scipy, against loops, by hand, and by their laws."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score, r2_score

from sweeps.report.evidence import FinishedTrial
from sweeps.report.intervals import (
    ALPHA,
    SUBSETS,
    holm,
    interval,
    over_seeds,
    p_value,
    sample,
    score,
    scored_scenes,
    subsets,
)
from sweeps.report.wording import told
from tests.benchmarks.interval_level import told_apart
from tests.invented_studies import result, scenes, trial_row
from tests.simulated_scores import World, draw
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metric_names import MetricName, parse_metric
from training.evaluation.metrics import combined_score

F1 = MetricName(grid="test_80m", score="f1")
_FEW = 512
"""Subsets: the level is the same with fewer, and the test is quick."""


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


def test_every_subset_is_what_a_loop_over_its_scenes_gives() -> None:
    own = trial(n_scenes=5)
    assert own.result is not None
    ids = scored_scenes(own, F1)
    found = sample(own, F1, ids)
    matrices = own.result.scene_matrices("test_80m", "SOD")
    for place in (0, 1, 300, -1):
        pooled = ConfusionMatrix.zero(6)
        for scene in np.flatnonzero(subsets(5).chosen[place]):
            pooled += ConfusionMatrix.from_lists(matrices[ids[scene]])
        assert found.draws[place] == pytest.approx(pooled.metrics().f1, abs=1e-12)


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
            int(times) * np.array(of_scene[ids[place]]) for place, times in enumerate(subsets(3).chosen[4])
        ) + np.zeros((n, n), int)
        sums[chart] = ConfusionMatrix(counts)
    assert found.draws[4] == pytest.approx(combined_score(sums), abs=1e-9)


@pytest.mark.parametrize("n_passes", [1, 2, 6, 13])
def test_all_subsets_of_few_passes_are_there_equally_often(n_passes: int) -> None:
    found = subsets(n_passes)
    counts = np.unique(found.chosen, axis=0, return_counts=True)[1]
    assert (len(counts), set(counts.tolist())) == (2**n_passes - 1, {found.repeats})
    assert SUBSETS / 2 <= len(found.chosen) + found.repeats <= SUBSETS


def test_of_many_passes_some_subsets_are_drawn_always_the_same_and_never_an_empty_one() -> None:
    found = subsets(20).chosen
    assert found.any(axis=1).all()
    assert found.mean() == pytest.approx(0.5, abs=0.01)
    subsets.cache_clear()
    assert np.array_equal(found, subsets(20).chosen)


@pytest.mark.parametrize("n", [6, 8, 10])
def test_of_a_ratio_it_is_the_paired_permutation_test_of_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    for shift in (0.0, 0.4, 1.5):
        hits = rng.normal(shift, 1, n)
        found = stats.permutation_test(
            (hits, np.zeros(n)),
            lambda a, b, axis: (a - b).sum(axis=axis),
            permutation_type="samples",
            n_resamples=np.inf,
        )
        chosen = subsets(n)
        draws = chosen.chosen @ hits / (chosen.chosen @ rng.uniform(1, 100, n))  # whatever the sizes of scenes
        assert p_value(draws, chosen.repeats) == pytest.approx(found.pvalue)


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6), st.floats(0.001, 0.5))
@example([0.0, 0.0, 0.0, 0.0, 1.0, 1.0], 0.49999999999999994)  # the p-value but for its last bit
def test_word_interval_and_p_always_agree(values: list[float], alpha: float) -> None:
    chosen = subsets(6)
    draws = chosen.chosen @ np.array(values) / chosen.chosen.sum(axis=1)
    found = interval(draws, chosen.repeats, alpha)
    told_apart = p_value(draws, chosen.repeats) <= alpha + 1e-12  # as the interval counts: p-values are 1/4096 apart
    assert told_apart == (found.known and not found.holds(0.0))


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_what_is_written_has_the_sign_of_what_is_meant(low: float, value: float, high: float) -> None:
    for name in ("test_80m/f1", "best/val_loss"):
        for number, text in zip((low, value, high), told(name, low, value, high, signed=True), strict=True):
            assert np.sign(float(text.replace("−", "-"))) == np.sign(100 * number), (number, text)


def test_an_end_near_0_gets_the_digits_that_it_needs() -> None:
    assert told("test_80m/f1", -0.055, -0.0003, signed=True) == ("−5.50", "−0.03")
    assert told("test_80m/f1", -0.055, 0.0, signed=True) == ("−5.5", "0.0")
    assert told("test_80m/f1", 0.5, float("nan")) == ("50.0", "–")


def test_fewer_than_six_passes_give_no_interval() -> None:
    for n in range(1, 6):
        chosen = subsets(n)
        assert not interval(chosen.chosen.sum(axis=1), chosen.repeats).known
    chosen = subsets(6)
    found = interval(chosen.chosen @ np.arange(1.0, 7.0) / chosen.chosen.sum(axis=1), chosen.repeats)
    assert (found.low, found.high) == (1.0, 6.0), "all but two of 64 signs: 3.1 %"


def test_subsets_without_a_score_speak_against_both_sides() -> None:
    chosen = subsets(8)
    draws = chosen.chosen.sum(axis=1)
    assert interval(draws, chosen.repeats).low > 0
    draws[: len(draws) // 20] = np.nan
    assert not interval(draws, chosen.repeats).known
    assert p_value(draws, chosen.repeats) > ALPHA


def test_seeds_are_drawn_too_and_no_subset_is_without_one() -> None:
    of_seeds = np.repeat(np.array([[0.0], [1.0], [2.0]]), 4000, axis=1)
    assert set(np.round(over_seeds(of_seeds, (range(3),)), 3)) == {0.0, 0.5, 1.0, 1.5, 2.0}
    assert np.array_equal(over_seeds(of_seeds[:1], ((7,),)), of_seeds[0])
    pairs = np.array([[a - b] for a, b in itertools.product((0.0, 1.0), (0.0, 3.0))]).repeat(4000, axis=1)
    found = over_seeds(pairs, ((0, 0, 1, 1), (0, 1, 0, 1)))
    assert set(np.round(found, 3)) == {a - b for a in (0.0, 0.5, 1.0) for b in (0.0, 1.5, 3.0)}, "either side's mean"


def test_one_draw_counts_more_in_what_it_is_worth_on_all_passes_and_in_nothing_else() -> None:
    chosen, seeds = subsets(8), (range(4),)
    of_seeds = np.array([[0.1], [0.3], [0.2], [0.6]]) + np.zeros(len(chosen.chosen))
    of_passes = chosen.chosen @ np.linspace(-1, 1, 8)
    plain = over_seeds(of_seeds, seeds)
    wide = over_seeds(of_seeds + of_passes, seeds, one_draw=True)
    assert wide == pytest.approx(0.3 + math.sqrt(5) * (plain - 0.3) + of_passes), "the same passes for all seeds"
    on_single_passes = np.random.default_rng(0).normal(size=(4, 8)) @ chosen.chosen.T
    on_single_passes -= on_single_passes.mean(axis=1, keepdims=True)
    assert over_seeds(on_single_passes, seeds, one_draw=True) == pytest.approx(over_seeds(on_single_passes, seeds))


def test_one_draw_lacks_a_value_on_no_other_subsets_than_its_seeds_do() -> None:
    pairs = np.random.default_rng(0).normal(1, 0.1, (3, 255))
    pairs[1, 7] = np.nan
    assert np.flatnonzero(np.isnan(over_seeds(pairs, (range(3),), one_draw=True))).tolist() == [7]
    nothing = np.full((3, 255), np.nan)
    assert np.isnan(over_seeds(nothing, (range(3),), one_draw=True)).all()


def test_holm_by_hand() -> None:
    assert holm([0.001, 0.04, 0.02]) == pytest.approx([0.05 / 3, 0.05, 0.05 / 2]), "all told apart, each at its step"
    assert holm([0.001, 0.04, 0.03]) == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2]), "it stops at the second"
    assert holm([0.04]) == [ALPHA]
    assert holm([]) == []


@pytest.mark.slow
@pytest.mark.parametrize("n_scenes", [3, 5, 6, 8, 20])
def test_the_level_is_kept(n_scenes: int) -> None:
    """As `tests/benchmarks/interval_level.py`, with fewer worlds."""
    times = 100
    for world, score_name in (
        (World(scenes=n_scenes), "f1"),
        (World(scenes=n_scenes, skewed=True, sizes=1.6), "f1_ice"),
    ):
        rng = np.random.default_rng(n_scenes)
        share = np.mean([told_apart(draw(world, rng), score_name, most=_FEW) for _ in range(times)])
        assert share <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / times)
    assert n_scenes >= 6 or share == 0.0


def test_frames_of_a_pass_are_one_observation() -> None:
    rng, times = np.random.default_rng(0), 80
    world = World(scenes=24, frames=3, of_pass=0.6, of_seed=0.0, of_both=0.0)
    by_pass, by_scene = 0, 0
    for _ in range(times):
        counts = draw(world, rng)
        by_pass += told_apart(counts, "f1", frames=3, most=_FEW)
        by_scene += told_apart(counts, "f1", most=_FEW)
    assert by_pass <= times * (ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / times))
    assert by_scene > max(1.5 * by_pass, 0.1 * times), "what it would be if frames counted singly"


def test_a_better_model_is_found() -> None:
    rng, world = np.random.default_rng(0), World(scenes=20, better=0.6, of_seed=0.05)
    assert np.mean([told_apart(draw(world, rng), "f1", most=_FEW) for _ in range(40)]) > 0.7


@pytest.mark.slow
@given(st.floats(0.2, 0.9), st.integers(0, 3), st.integers(6, 8))
def test_a_trial_against_itself_differs_by_nothing(quality: float, seed: int, n_scenes: int) -> None:
    one, other = trial(quality, seed, n_scenes), trial(quality, seed, n_scenes)
    ids = scored_scenes(one, F1)
    found = interval(sample(one, F1, ids).draws - sample(other, F1, ids).draws, subsets(n_scenes).repeats)
    assert (found.low, found.high) == (0.0, 0.0)


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
