"""Cells and their differences, by hand."""

import statistics
from collections.abc import Mapping

import numpy as np
import pytest

from sweeps.record.design import StudyDesign
from sweeps.report.cells import CellComparison
from sweeps.report.differences import spread_of
from sweeps.report.evidence import collect
from sweeps.report.intervals import ALPHA, subsets
from sweeps.report.score_tables import reading
from tests.invented_studies import result, scenes, study, trial_row

RATIOS = {"2": 0.80, "5": 0.80, "10": 0.60}


def design(**changes: object) -> StudyDesign:
    values: dict[str, object] = {
        "question": "Does it?",
        "objective": "test_80m/f1",
        "axes": {"data.ratio": ("2", "5", "10")},
        "seeds": (0, 1, 2),
        "trials": 9,
    }
    return StudyDesign.model_validate(values | changes)


def quality(labels: Mapping[str, str]) -> float:
    return RATIOS[labels["data.ratio"]]


def compared(*made: object) -> CellComparison:
    parent, rows, results = made
    return CellComparison(collect(parent, "sqlite:///m.db", rows, results))  # type: ignore[arg-type]


def test_mean_spread_and_number_are_over_seeds() -> None:
    comparison = compared(*study(design(), quality))
    values = [trial.metrics["test_80m/f1"] for trial in comparison.evidence.trials_of(("5",))]
    found = comparison.spread(("5",), "test_80m/f1")
    assert (found.mean, found.spread, found.n) == pytest.approx((statistics.mean(values), statistics.stdev(values), 3))
    assert spread_of([0.5]).n == 1
    assert np.isnan(spread_of([0.5]).spread)
    assert spread_of([float("nan")]).n == 0


@pytest.mark.slow
def test_a_difference_is_paired_by_seed_and_scene() -> None:
    comparison = compared(
        *study(
            design(), quality, skip=lambda labels, seed: "FAILED" if labels == {"data.ratio": "5"} and seed == 1 else ""
        )
    )
    found = comparison.difference(("5",), ("2",))
    five, two = ({t.seed: t for t in comparison.evidence.trials_of(key)} for key in (("5",), ("2",)))
    expected = [five[seed].metrics["test_80m/f1"] - two[seed].metrics["test_80m/f1"] for seed in (0, 2)]
    assert found.seeds == 2
    assert found.value == pytest.approx(statistics.mean(expected))
    assert found.spread == pytest.approx(statistics.stdev(expected))
    assert (found.scenes, found.own_scenes) == (20, 0)

    naive = []
    for times in subsets(20).chosen[:300]:
        of_seeds = []
        for seed in (0, 2):
            scores = []
            for trial in (five[seed], two[seed]):
                assert trial.result is not None
                matrices = [
                    np.array(rows) for _, rows in sorted(trial.result.scene_matrices("test_80m", "SOD").items())
                ]
                pooled = sum(count * matrix for count, matrix in zip(times, matrices, strict=True))
                true, hits = pooled.sum(axis=1), np.diag(pooled)  # type: ignore[union-attr, arg-type]
                f1 = 2 * hits / (true + pooled.sum(axis=0))  # type: ignore[union-attr]
                scores.append((f1 * true).sum() / true.sum())
            of_seeds.append(scores[0] - scores[1])
        naive.append(of_seeds)
    every = np.array(naive)
    ways = np.abs(np.stack([every[:, 0], every[:, 1], every.mean(axis=1)]) - found.draws[:300])
    assert (ways.min(axis=0) < 1e-12).all(), "of one seed, of the other, or of both"
    assert set(ways.argmin(axis=0).tolist()) == {0, 1, 2}


def test_a_cell_against_itself_is_nothing() -> None:
    found = compared(*study(design(), quality)).difference(("2",), ("2",))
    assert (found.value, found.interval.low, found.interval.high) == (0.0, 0.0, 0.0)
    assert found.verdict == "not told apart"


def test_a_clear_difference_is_told_apart_and_a_small_one_is_not() -> None:
    comparison = compared(*study(design(), quality))
    assert reading(comparison, comparison.difference(("10",), ("2",))) == "worse"
    assert reading(comparison, comparison.difference(("2",), ("10",))) == "better"
    assert reading(comparison, comparison.difference(("5",), ("2",))).startswith("not told apart")


def test_seeds_that_disagree_are_not_told_apart() -> None:
    qualities = {("a", 0): 0.9, ("a", 1): 0.5, ("b", 0): 0.6, ("b", 1): 0.6}
    rows, results = [], {}
    for (value, seed), each in qualities.items():
        row = trial_row({"x": value}, seed)
        results[row.run_id] = result(scenes(20), each, seed)
        rows.append(row.model_copy(update={"metrics": results[row.run_id].metrics}))
    parent, _, _ = study(design(axes={"x": ("a", "b")}, seeds=(0, 1), trials=4), lambda labels: 0.5)
    comparison = compared(parent, rows, results)
    found = comparison.difference(("a",), ("b",))
    assert found.interval.holds(0.0)
    assert (found.agreeing, found.verdict) == (1, "not told apart")


def test_best_and_reference_are_of_one_task() -> None:
    both = design(axes={"task": ("pixel", "patch"), "data.ratio": ("2", "5", "10")}, trials=18)
    comparison = compared(*study(both, lambda labels: quality(labels) - 0.3 * (labels["task"] == "patch")))
    assert comparison.evidence.tasks == ("pixel-based", "patch-based")
    assert comparison.reference("patch-based") == ("patch", "2")
    best = comparison.best("patch-based")
    assert best is not None
    assert best[0] == "patch"
    pairs = {
        (each.key[0], each.against[0]) for task in comparison.evidence.tasks for each in comparison.differences(task)
    }
    assert pairs == {("pixel", "pixel"), ("patch", "patch")}


def test_every_cell_meets_the_reference_and_the_best() -> None:
    comparison = compared(*study(design(), lambda labels: 1.2 - quality(labels)))
    assert comparison.best("pixel-based") == ("10",)
    pairs = [(each.key[0], each.against[0]) for each in comparison.differences("pixel-based")]
    assert pairs == [("5", "2"), ("10", "2"), ("2", "10"), ("5", "10")]


def test_the_best_against_the_reference_is_one_comparison() -> None:
    """Three cells are three pairs, by two scores six comparisons, though eight rows are shown."""
    comparison = compared(*study(design(), lambda labels: 1.2 - quality(labels)))
    every = [each for by in comparison.both for each in by.differences("pixel-based")]
    assert [(each.compared, each.passes) for each in every] == [(6, 20)] * 8
    for by in comparison.both:
        found = {(each.key[0], each.against[0]): each for each in by.differences("pixel-based")}
        one, other = found["10", "2"], found["2", "10"]
        assert (one.p, one.level, one.value) == (other.p, other.level, -other.value)
        assert (one.interval.low, one.interval.high) == (-other.interval.high, -other.interval.low)
    steps = sorted({each.level for each in every})
    assert steps[0] == pytest.approx(ALPHA / 6)
    assert len({each.p for each in every}) <= 6


def test_a_study_of_many_cells_takes_more_subsets() -> None:
    many = design(axes={"data.ratio": tuple(map(str, range(2, 62)))}, trials=60, seeds=(0,))
    comparison = compared(*study(many, lambda labels: 0.5 + int(labels["data.ratio"]) / 200, n_scenes=6))
    assert (comparison.most, len(comparison.both)) == (2**14, 2), "2 x (2 x 60 - 3) = 234 comparisons"
    assert all(by.most == comparison.most for by in comparison.both)
    assert comparison.with_most(1).most == 2**13
    assert comparison.with_most(234) is comparison


def test_an_objective_that_is_no_score_of_scenes_has_no_interval() -> None:
    parent, rows, results = study(design(objective="best/val_loss"), quality)
    rows = [row.model_copy(update={"metrics": {"best/val_loss": 0.1 * place}}) for place, row in enumerate(rows)]
    comparison = compared(parent, rows, results)
    assert comparison.best("pixel-based") == ("2",), "the lowest loss"
    found = comparison.difference(("5",), ("2",))
    assert found.value == pytest.approx(0.3)
    assert (found.interval.known, found.verdict, found.scenes) == (False, "unknown", 0)


def test_cells_on_other_scenes_are_compared_on_the_common_ones() -> None:
    parent, rows, results = study(design(), quality)
    for run_id in list(results):
        if run_id.startswith("run-5"):
            results[run_id] = result(scenes(12), 0.80, 0)
    found = compared(parent, rows, results).difference(("5",), ("2",))
    assert (found.scenes, found.own_scenes) == (12, 8)


def test_one_test_scene_gives_no_interval() -> None:
    comparison = compared(*study(design(), quality, n_scenes=1))
    assert not comparison.scene_interval(("2",)).known
    assert comparison.difference(("5",), ("2",)).verdict == "unknown"


def test_no_common_seed_gives_no_difference() -> None:
    def skip(labels: Mapping[str, str], seed: int) -> str:
        return "never" if (labels["data.ratio"] == "2") == (seed == 0) else ""

    found = compared(*study(design(), quality, skip=skip)).difference(("5",), ("2",))
    assert found.seeds == 0
    assert np.isnan(found.value)
    assert found.verdict == "unknown"
