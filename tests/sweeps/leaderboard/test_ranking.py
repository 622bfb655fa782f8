"""Which trials are ranked, and how."""

import pytest

from sweeps.leaderboard.ranking import Ranked, rank
from sweeps.record.study import TrialRow
from tests.sweeps.leaderboard.ranked_trials import trial


def summary(ranked: tuple[Ranked, ...]) -> list[tuple[int | None, str, float]]:
    return [(each.rank, each.model, round(each.score("f1").mean, 6)) for each in ranked]


def seeds(name: str, *scores: float, val: float = 0.5, **params: str) -> list[TrialRow]:
    return [trial(name, f1, seed, val=val, **params) for seed, f1 in enumerate(scores)]


def test_settings_are_chosen_by_val_scores_and_ranked_by_test_scores() -> None:
    rows = [
        *seeds("unet", 0.9, 0.9, 0.9, val=0.6, optimizer__lr="1"),
        *seeds("unet", 0.7, 0.8, 0.9, val=0.7, optimizer__lr="2"),
        *seeds("cnn", 0.82, 0.82, 0.82, val=0.1),
        *seeds("cnn", 0.6, 0.6, 0.6, data__task="patch"),
    ]
    assert summary(rank(rows)) == [(1, "cnn", 0.82), (2, "unet", 0.8), (3, "cnn", 0.6)]
    assert [each.tried for each in rank(rows)] == [1, 2, 1]
    assert [each.task for each in rank(rows)] == ["pixel-based", "pixel-based", "patch-based"]


def test_fewer_than_three_seeds_have_no_rank_and_are_not_chosen_where_others_have_them() -> None:
    rows = [
        *seeds("lucky", 0.95, 0.95),
        *seeds("unet", 0.7, 0.7, 0.7, val=0.5, optimizer__lr="1"),
        *seeds("unet", 0.9, 0.9, val=0.9, optimizer__lr="2"),
        *seeds("cnn", 0.6, 0.6, 0.6),
    ]
    assert summary(rank(rows)) == [(1, "unet", 0.7), (2, "cnn", 0.6), (None, "lucky", 0.95)]


def test_equal_scores_share_a_rank_and_order_of_rows_does_not_matter() -> None:
    rows = [row for name, f1 in (("a", 0.5), ("b", 0.7), ("c", 0.5), ("d", 0.4)) for row in seeds(name, f1, f1, f1)]
    assert [each.rank for each in rank(rows)] == [1, 2, 2, 4]
    assert summary(rank(rows[::-1]))[0] == (1, "b", 0.7)


def test_smoke_runs_are_ranked_on_synthetic_scenes_alone() -> None:
    smoke = trial("x", 0.9)
    smoke = smoke.model_copy(update={"tags": {**smoke.tags, "study": "base_model-smoke"}})
    assert [each.model for each in rank([smoke, trial()])] == ["unet"]
    synthetic = smoke.model_copy(update={"tags": {**smoke.tags, "synthetic": "true"}})
    assert {each.model for each in rank([synthetic, trial()])} == {"x", "unet"}


@pytest.mark.parametrize(
    "left_out",
    [
        trial("x", 0.9, status="FAILED"),
        trial("x", 0.9, data__test__season="winter"),
        trial("x", 0.9, data__test__location="cat1"),
        trial("x", 0.9, data__targets='["SIC"]'),
        trial("x", float("nan")),
    ],
)
def test_what_cannot_be_compared_is_left_out(left_out: TrialRow) -> None:
    assert [each.model for each in rank([left_out, trial()])] == ["unet"]


def test_sod_of_a_trial_of_three_charts_counts() -> None:
    (only,) = rank([trial("winner", 0.88, chart="SOD/", data__targets='["SIC", "SOD", "FLOE"]')])
    assert only.score("f1").mean == 0.88


def test_an_attempt_counts_once_and_a_training_more_than_an_evaluation() -> None:
    twice = [trial(f1=0.5, started=1), trial(f1=0.6, started=2), trial(f1=0.7, started=3, kind="evaluation")]
    (only,) = rank(twice)
    assert [row.run_id for row in only.trials] == ["run-unet-0-2"]
    (alone,) = rank([twice[2]])
    assert alone.score("f1").mean == 0.7


def test_the_network_to_submit_is_chosen_without_the_test_scenes() -> None:
    (only,) = rank([trial(f1=0.9, seed=0, val=0.3), trial(f1=0.6, seed=1, val=0.8), trial(f1=0.7, seed=2, val=0.8)])
    assert only.submitted.params["seed"] == "1", "best val F1; the lower seed of two"
