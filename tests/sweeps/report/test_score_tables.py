"""Tables of scores as a reader and a machine get them."""

import io

import pandas as pd

from sweeps.report.account import runs_table
from sweeps.report.bin_scores import bins_of_study, bins_table
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import collect
from sweeps.report.score_tables import classes_table, differences_table, scores_table
from tests.sweeps.report.cells_of_ratios import comparison


def test_scores_for_people_are_in_percent_with_spread_and_seeds() -> None:
    table = scores_table(comparison())
    assert table.header[:5] == (
        "ratio (spacing)",
        "weighted F1, 80 m grid [%]",
        "95 % interval over test scenes",
        "macro F1 over ice, 80 m grid [%]",
        "95 % interval over test scenes",
    )
    assert table.header[-2:] == ("majority class, 80 m grid [%]", "seeds")
    first, second = table.rows
    assert first[0] == "2 (80 m)"
    assert " ± " in first[1]
    assert (first[-1], second[-1]) == ("2", "1 of 2")
    assert "±" not in second[1], "one seed has no spread"
    lines = table.to_markdown().splitlines()
    assert lines[2].startswith("| ratio (spacing) | weighted F1, 80 m grid [%] |")
    assert lines[3].startswith("| --- | ---: |")
    assert len({line.count("|") for line in lines[2:6]}) == 1


def test_csv_has_full_precision_and_names_of_mlflow() -> None:
    own = comparison()
    frame = pd.read_csv(io.StringIO(scores_table(own).to_csv()))
    assert frame["data.ratio"].tolist() == [2, 10]
    assert frame["n"].tolist() == [2, 1]
    assert frame["scenes"].tolist() == [8, 8]
    assert frame["test_80m/f1/mean"].tolist() == [own.spread((r,), "test_80m/f1").mean for r in ("2", "10")]
    assert frame["test_80m/f1/spread"].isna().tolist() == [False, True]
    low, high = frame["test_80m/f1/scenes_low"], frame["test_80m/f1/scenes_high"]
    assert (low < frame["test_80m/f1/mean"]).all()
    assert (frame["test_80m/f1/mean"] < high).all()
    trials = pd.read_csv(io.StringIO(runs_table(own).to_csv()))
    assert trials["seed"].tolist() == [0, 1, 0]
    assert "test/class/old_ice/f1" in trials.columns


def test_differences_say_against_what_and_how_sure() -> None:
    row, by_ice = differences_table(comparison()).rows
    assert row[0] == "ratio 10 (400 m)"
    assert row[1] == "ratio 2 (80 m) (reference and best)"
    assert (row[2], by_ice[2]) == ("weighted F1, 80 m grid", "macro F1 over ice, 80 m grid")
    assert row[3].startswith("−")
    assert " to −" in row[4]
    assert row[6:] == ("1 of 1", "8", "8", "worse (1 seed)")
    numbers = differences_table(comparison()).numbers
    assert numbers.loc[0, "verdict"] == "lower"
    assert numbers["level"].tolist() == [0.025, 0.05], "Holm, of two"
    assert numbers["p"].tolist() == [2 / 256, 2 / 256]
    assert numbers.loc[0, "scenes_low"] < numbers.loc[0, "difference"] < numbers.loc[0, "scenes_high"]


def test_groups_without_test_scenes_are_said() -> None:
    table = bins_table(comparison(), bins_of_study(comparison()))
    assert table is not None
    assert [name.partition(":")[0] for name in table.header] == ["ratio (spacing)", "winter", "cat1", "cat4"]
    assert table.header[1].endswith("2 scenes, 0.1 M pixels")
    assert [row[3] for row in table.rows] == ["no test scenes", "no test scenes"]
    assert "±" in table.rows[0][1]


def test_cells_without_trials_are_rows_too() -> None:
    own = comparison(
        axes={"data.ratio": ("2", "10")}, left_out=[{"cell": ("10",), "reason": "no test scenes"}], trials=2
    )
    evidence = own.evidence
    assert evidence.left_out
    made = CellComparison(collect(evidence.study, "u", [t.row for t in evidence.trials_of(("2",))], {}))
    rows = scores_table(made).rows
    assert [row[:2] for row in rows][1] == ("10 (400 m)", "no test scenes")
    assert rows[1][-1] == "0 of 2"


def test_classes_are_named_as_people_do() -> None:
    table = classes_table(comparison())
    assert table is not None
    assert table.header[1:] == (
        "open water", "new ice", "young ice", "thin first year ice", "thick first year ice", "old ice",
    )  # fmt: skip
    assert classes_table(comparison("best/val_loss")) is None
