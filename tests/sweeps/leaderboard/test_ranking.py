"""Which trials are ranked, and how."""

import pytest

from sweeps.leaderboard.board import board, markdown, page
from sweeps.leaderboard.published import PUBLISHED
from sweeps.leaderboard.ranking import Ranked, rank
from sweeps.record.study import TrialRow

SCORES = ("accuracy", "f1", "precision", "recall", "iou")


def trial(
    name: str = "unet",
    f1: float = 0.8,
    seed: int = 0,
    *,
    status: str = "FINISHED",
    started: int = 0,
    kind: str = "trial",
    val: float = 0.5,
    chart: str = "",
    trial_id: str = "",
    **params: str,
) -> TrialRow:
    given = {
        "model.name": name,
        "data.task": "pixel",
        "data.ratio": "2",
        "data.targets": '["SOD"]',
        "seed": str(seed),
        **{key.replace("__", "."): value for key, value in params.items()},
    }
    own = trial_id or "-".join([name, str(seed), *params.values()])
    return TrialRow(
        trial_id=own,
        run_id=f"run-{own}-{started}",
        status=status,
        started=started,
        params=given,
        tags={"kind": kind, "seed": str(seed)},
        metrics={f"test_80m/{chart}{score}": f1 for score in SCORES}
        | {f"test/{chart}{score}": f1 - 0.1 for score in SCORES}
        | {"best/val_f1": val},
    )


def summary(ranked: tuple[Ranked, ...]) -> list[tuple[int, str, float]]:
    return [(each.rank, each.model, round(each.score("f1").mean, 6)) for each in ranked]


def test_the_best_settings_of_a_network_by_their_mean_over_seeds() -> None:
    rows = [
        trial(f1=0.7, seed=0, optimizer__lr="1"),
        trial(f1=0.9, seed=1, optimizer__lr="1"),
        trial(f1=0.82, seed=0, optimizer__lr="2"),
        trial("cnn", 0.6),
        trial("cnn", 0.7, data__task="patch"),
    ]
    assert summary(rank(rows)) == [(1, "unet", 0.82), (2, "cnn", 0.7), (3, "cnn", 0.6)]
    assert [each.task for each in rank(rows)] == ["pixel-based", "patch-based", "pixel-based"]


def test_equal_scores_share_a_rank_and_order_of_rows_does_not_matter() -> None:
    rows = [trial("a", 0.5), trial("b", 0.7), trial("c", 0.5), trial("d", 0.4)]
    assert [each.rank for each in rank(rows)] == [1, 2, 2, 4]
    assert summary(rank(rows[::-1]))[0] == (1, "b", 0.7)


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


def test_the_board_has_ours_by_rank_then_the_published_then_other_grids() -> None:
    rows = [trial("a", 0.75), trial("a", 0.85, seed=1), trial("b", 0.9, data__ratio="5")]
    table = board(rank(rows))
    assert [(row[0], row[1], row[3]) for row in table.rows] == [
        ("b", "ours, pixel-based, 80 m grid", "1"),
        ("a", "ours, pixel-based, 80 m grid", "2"),
        *((row.model, f"published, {row.task}", "–") for row in PUBLISHED),
        ("b", "ours, pixel-based, own grid", "–"),
    ], "at ratio 2 the own grid is the 80 m grid"
    assert table.rows[1][2:] == ("inputs of 80 m, patches of ?, random start", "2", *["80.0 ± 7.1"] * 5, "2")
    unet = next(row for row in table.rows if row[0] == "U-Net (IceBench)")
    assert unet[4:9] == ("86.36", "84.78", "84.68", "86.36", "77.18")
    assert all(row.protocol for row in PUBLISHED)
    numbers = table.numbers.set_index("model")
    assert numbers.loc["DenseNet (IceBench)", "iou"] == 38.51
    assert "published" in markdown(table, lake="abc")
    html = page(table, lake="abc", uri="sqlite:///x")
    assert "Published rows have no rank" in html
    assert "DeepLab (geohai 2025)" in html
