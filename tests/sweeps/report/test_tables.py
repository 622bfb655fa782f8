"""Tables as a reader and a machine get them."""

import io
from collections.abc import Mapping

import pandas as pd
import pytest

from sweeps.record.design import StudyDesign
from sweeps.report.account import runs_table
from sweeps.report.cells import Comparison
from sweeps.report.evidence import collect
from sweeps.report.group_tables import bins_table, classes_table
from sweeps.report.score_tables import differences_table, scores_table
from sweeps.report.study_cost import cost, cost_table
from sweeps.report.tables import ReportTable
from sweeps.report.wording import axis_value, cell_label, metric_label, percent
from tests.invented_studies import study


def comparison(objective: str = "test_80m/f1", n_scenes: int = 8, **changes: object) -> Comparison:
    values: dict[str, object] = {
        "question": "Does it?",
        "objective": objective,
        "axes": {"data.ratio": ("2", "10")},
        "seeds": (0, 1),
        "trials": 4,
        "bins": ("winter", "cat1", "cat4"),
    }
    design = StudyDesign.model_validate(values | changes)

    def skip(labels: Mapping[str, str], seed: int) -> str:
        return "FAILED" if labels["data.ratio"] == "10" and seed else ""

    made = study(design, lambda labels: 0.8 if labels["data.ratio"] == "2" else 0.6, n_scenes=n_scenes, skip=skip)
    return Comparison(collect(made[0], "sqlite:///m.db", made[1], made[2]))


def test_scores_for_people_are_in_percent_with_spread_and_seeds() -> None:
    table = scores_table(comparison())
    assert table.header[:4] == (
        "ratio (spacing)",
        "weighted F1, 80 m grid [%]",
        "95 % interval over test scenes",
        "macro F1, 80 m grid [%]",
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


def test_latex_is_escaped_and_has_rules() -> None:
    table = ReportTable(
        name="t",
        title="a_b",
        header=("model_name", "F1 [%]"),
        rows=(("a_b & 50% #1 {x} ~ \\", "1.0 ± 0.1"), ("R²", "−2.0")),
        words=1,
        numbers=pd.DataFrame(),
    )
    lines = table.to_latex().splitlines()
    assert lines[:3] == ["% a_b", r"\begin{tabular}{lr}", r"\toprule"]
    assert lines[3] == r"model\_name & F1 [\%] \\"
    assert lines[5] == r"a\_b \& 50\% \#1 \{x\} \textasciitilde \space \textbackslash  & 1.0 $\pm$ 0.1 \\"
    assert lines[6] == r"R$^2$ & $-$2.0 \\"
    assert lines[7] == r"\bottomrule"


def test_markdown_keeps_its_columns_whatever_is_in_a_cell() -> None:
    table = ReportTable(name="t", title="t", header=("a",), rows=(("x | y",),), words=1, numbers=pd.DataFrame())
    assert r"| x \| y |" in table.to_markdown()


def test_differences_say_against_what_and_how_sure() -> None:
    (row,) = differences_table(comparison()).rows
    assert row[0] == "ratio 10 (400 m)"
    assert row[1] == "ratio 2 (80 m) (reference and best)"
    assert row[2].startswith("−")
    assert " to −" in row[3]
    assert row[5:] == ("1 of 1", "8", "worse (1 seed)")
    numbers = differences_table(comparison()).numbers
    assert numbers.loc[0, "verdict"] == "lower"
    assert numbers.loc[0, "scenes_low"] < numbers.loc[0, "difference"] < numbers.loc[0, "scenes_high"]


def test_groups_without_test_scenes_are_said() -> None:
    table = bins_table(comparison())
    assert table is not None
    assert table.header == ("ratio (spacing)", "winter", "cat1", "cat4")
    assert [row[3] for row in table.rows] == ["no test scenes", "no test scenes"]
    assert "±" in table.rows[0][1]


def test_cells_without_trials_are_rows_too() -> None:
    own = comparison(
        axes={"data.ratio": ("2", "10")}, left_out=[{"cell": ("10",), "reason": "no test scenes"}], trials=2
    )
    evidence = own.evidence
    assert evidence.left_out
    made = Comparison(collect(evidence.study, "u", [t.row for t in evidence.trials_of(("2",))], {}))
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


def test_cost_is_summed_over_trials() -> None:
    own = comparison()
    table = cost_table(own)
    assert table.header[1:4] == ("GPU-hours", "CPU-hours", "wall time [h]")
    assert table.rows[0][:4] == ("2 (80 m)", "3", "6", "3")
    assert table.rows[-1] == ("all", "4.5", "9", "4.5", "–", "–", "–", "3")
    assert cost(own.evidence.finished, "cost/gpu_hours") == pytest.approx(4.5)
    assert cost((), "cost/gpu_hours") != cost((), "cost/gpu_hours"), "NaN where not on record"


@pytest.mark.parametrize(
    ("axes", "key", "words"),
    [
        (("data.ratio",), ("5",), "ratio 5 (200 m)"),
        (("model.name",), ("unet",), "unet"),
        (("task", "data.patch_size"), ("patch", "224"), "patch-based, patch size 224"),
        (("task", "factor", "value"), ("pixel", "optimizer.lr", "0.001"), "pixel-based, learning rate 0.001"),
        (("task", "factor", "value"), ("pixel", "base", "base"), "pixel-based, base"),
        (("task", "data.stride"), ("pixel", ""), "pixel-based"),
        (("data.train.season",), ("None",), "trained on season all"),
        ((), (), "all trials"),
    ],
)
def test_cells_in_words(axes: tuple[str, ...], key: tuple[str, ...], words: str) -> None:
    assert cell_label(axes, key) == words


def test_words_of_values_and_metrics() -> None:
    assert axis_value("data.ratio", "10") == "10 (400 m)"
    assert axis_value("task", "") == "–"
    assert metric_label("test_80m/winter/f1") == "weighted F1, winter, 80 m grid"
    assert metric_label("test/FLOE/class/big_floe/iou") == "FLOE, IoU of big floe, own grid"
    assert metric_label("test_patches/majority_f1") == "majority class, pure patches"
    assert percent(float("nan")) == "–"
