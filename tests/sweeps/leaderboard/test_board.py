"""The table and page of the leaderboard."""

from sweeps.leaderboard.board import board, markdown, page
from sweeps.leaderboard.published import PUBLISHED
from sweeps.leaderboard.ranking import rank
from tests.sweeps.leaderboard.ranked_trials import trial


def test_the_board_has_ours_by_rank_then_the_published_then_other_grids() -> None:
    rows = [
        *(trial("a", f1, seed) for seed, f1 in enumerate((0.73, 0.80, 0.87))),
        *(trial("b", 0.9, seed, data__ratio="5") for seed in range(3)),
        trial("c", 0.95),
    ]
    table = board(rank(rows))
    assert [(row[0], row[1], row[3]) for row in table.rows] == [
        ("b", "ours, pixel-based, 80 m grid", "1"),
        ("a", "ours, pixel-based, 80 m grid", "2"),
        ("c", "ours, pixel-based, 80 m grid", "–"),
        *((row.model, f"published, {row.task}", "–") for row in PUBLISHED),
        ("b", "ours, pixel-based, own grid", "–"),
    ], "at ratio 2 the own grid is the 80 m grid"
    assert table.header[-2:] == ("seeds", "settings tried")
    assert table.rows[1][2:] == ("inputs of 80 m, patches of ?, random start", "2", *["80.0 ± 7.0"] * 5, "3", "1")
    unet = next(row for row in table.rows if row[0] == "U-Net (IceBench)")
    assert unet[4:9] == ("86.36", "84.78", "84.68", "86.36", "77.18")
    assert all(row.protocol for row in PUBLISHED)
    numbers = table.numbers.set_index("model")
    assert numbers.loc["DenseNet (IceBench)", "iou"] == 38.51
    assert "published" in markdown(table, lake="abc")
    html = page(table, lake="abc", uri="sqlite:///x")
    assert "Published rows have no rank" in html
    assert "DeepLab (geohai 2025)" in html


def test_synthetic_scenes_never_stand_beside_published_numbers() -> None:
    own = trial("a", 0.9)
    table = board(rank([own.model_copy(update={"tags": {**own.tags, "synthetic": "true"}})]))
    assert [row[0] for row in table.rows] == ["a"]
