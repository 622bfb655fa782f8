"""Figures: which kind a study gets, labels with units, reasons instead of holes, never more rows than can be read."""

from collections.abc import Mapping

import pytest
from matplotlib.figure import Figure

from sweeps.record.design import StudyDesign
from sweeps.report.cells import Comparison
from sweeps.report.drawing import COLOURS, PER_FIGURE, Drawn
from sweeps.report.evidence import collect
from sweeps.report.page import picture
from sweeps.report.study_figures import bin_figures, class_figures, difference_figures, score_figures
from tests.invented_studies import study


def made(axes: Mapping[str, tuple[str, ...]], objective: str = "test_80m/f1", **changes: object) -> Comparison:
    count = 1
    for values in axes.values():
        count *= len(values)
    fields: dict[str, object] = {
        "question": "Does it?", "objective": objective, "axes": axes, "seeds": (0, 1), "trials": 2 * count,
    }  # fmt: skip
    design = StudyDesign.model_validate(fields | changes)
    order = {value: place for values in axes.values() for place, value in enumerate(values)}
    parent, rows, results = study(
        design, lambda labels: 0.5 + 0.02 * sum(order[v] for v in labels.values() if v), n_scenes=4
    )
    return Comparison(collect(parent, "u", rows, results))


def by_name(drawn: list[Drawn]) -> dict[str, Figure]:
    return {each.name: each.figure for each in drawn}


def ticks(axis: object) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]  # type: ignore[attr-defined]


def texts(figure: Figure) -> set[str]:
    return {text.get_text().replace("\n", " ") for panel in figure.axes for text in panel.texts}


def test_numbers_are_a_line_a_grid() -> None:
    figures = by_name(score_figures(made({"data.ratio": ("2", "5", "10")})))
    assert list(figures) == ["scores"]
    weighted, macro = figures["scores"].axes
    assert weighted.get_ylabel() == "test weighted F1 [%]"
    assert macro.get_ylabel() == "test macro F1 [%]"
    assert weighted.get_xlabel() == "ratio (spacing)"
    assert ticks(weighted.xaxis) == ["2 (80 m)", "5 (200 m)", "10 (400 m)"]
    (legend,) = figures["scores"].legends
    assert [text.get_text() for text in legend.get_texts()][:2] == ["80 m grid", "own grid"]


def test_words_are_rows_of_dots_and_networks_have_bars_too() -> None:
    figures = by_name(score_figures(made({"model.name": ("unet", "cnn")})))
    assert list(figures) == ["scores", "networks"]
    assert ticks(figures["scores"].axes[0].yaxis) == ["unet", "cnn"]
    bars = figures["networks"].axes[0]
    assert bars.get_ylabel() == "test score, weighted [%]"
    assert len(bars.patches) == 2 * 5
    assert bars.get_ylim() == (0, 100)
    colours = {patch.get_facecolor() for patch in bars.patches}
    assert len(colours) == 5


def test_two_axes_are_a_map_with_reasons_for_holes() -> None:
    axes = {"data.train.season": ("winter", "fall"), "data.train.location": ("cat1", "cat4")}
    left = [{"cell": ("fall", "cat4"), "reason": "no test scenes"}]
    (drawn,) = score_figures(made(axes, left_out=left, trials=6))
    panel, bar = drawn.figure.axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("trained on location", "trained on season")
    assert ticks(panel.xaxis) == ["cat1", "cat4"]
    assert bar.get_ylabel() == "weighted F1, 80 m grid [%]"
    assert "no test scenes" in texts(drawn.figure)
    assert sum("±" in text for text in texts(drawn.figure)) == 3


def test_a_number_and_few_words_are_lines_by_word() -> None:
    figures = by_name(score_figures(made({"model.name": ("unet", "cnn"), "data.ratio": ("2", "5")})))
    (legend,) = figures["scores"].legends
    names = [text.get_text() for text in legend.get_texts()]
    assert {"network unet", "network cnn"} <= set(names)


def test_one_factor_at_a_time_is_rows_by_factor() -> None:
    cells = [("optimizer.lr", "0.001"), ("optimizer.lr", "0.0001"), ("loss.name", "focal")]
    axes = {"factor": ("optimizer.lr", "loss.name"), "value": ("0.001", "0.0001", "focal")}
    figures = by_name(score_figures(made(axes, cells=cells, trials=6)))
    assert ticks(figures["scores"].axes[0].yaxis) == ["learning rate 0.001", "learning rate 0.0001", "loss focal"]


def test_each_task_has_its_figures() -> None:
    drawn = by_name(score_figures(made({"task": ("pixel", "patch"), "data.ratio": ("2", "5")})))
    assert list(drawn) == ["scores_pixel", "scores_patch"]
    assert drawn["scores_patch"].get_suptitle() == "patch-based"


def test_trained_on_against_tested_on() -> None:
    axes = {"data.train.season": ("winter", "fall", "None")}
    own = made(axes, bins=("winter", "summer", "cat4"), matrix="data.train.season")
    (drawn,) = bin_figures(own)
    panel = drawn.figure.axes[0]
    assert ticks(panel.yaxis) == ["winter", "fall", "all"]
    assert ticks(panel.xaxis) == ["winter", "summer", "cat4"]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("test scenes of", "trained on season")
    assert "no test scenes" in texts(drawn.figure)
    assert bin_figures(made(axes)) == []


def test_classes_and_the_confusion_of_the_best() -> None:
    figures = by_name(class_figures(made({"data.ratio": ("2", "5")})))
    assert list(figures) == ["classes", "confusion"]
    assert ticks(figures["classes"].axes[0].xaxis)[-1] == "old ice"
    assert "best: ratio 5 (200 m), 80 m grid, 2 seeds added up" in figures["confusion"].axes[0].get_title()


def test_a_forest_is_hollow_where_nothing_is_told_apart() -> None:
    figures = by_name(difference_figures(made({"x": ("a", "b", "c", "d")})))
    assert list(figures) == ["differences_from_reference", "differences_from_best"]
    (panel,) = figures["differences_from_reference"].axes
    assert panel.get_xlabel() == "difference from a: weighted F1, 80 m grid [% points]"
    assert ticks(panel.yaxis) == ["b", "c", "d"]
    assert {line.get_markerfacecolor() for line in panel.lines if line.get_marker() == "o"} <= {COLOURS[0], "white"}


def test_many_cells_are_several_figures() -> None:
    own = made({"x": tuple(f"word{number}" for number in range(PER_FIGURE + 1))}, seeds=(0,), trials=PER_FIGURE + 1)
    figures = by_name(score_figures(own))
    assert list(figures) == ["scores_1", "scores_2"]
    rows = [len(ticks(figure.axes[0].yaxis)) for figure in figures.values()]
    assert sum(rows) == PER_FIGURE + 1
    assert max(rows) <= PER_FIGURE


@pytest.mark.parametrize("objective", ["best/val_loss", "test/f1_macro", "test_80m/winter/f1", "test/class/old_ice/f1"])
def test_every_objective_can_be_drawn(objective: str) -> None:
    own = made({"data.ratio": ("2", "5")}, objective)
    if objective == "best/val_loss":
        trials = own.evidence.finished
        rows = [t.row.model_copy(update={"metrics": {**t.metrics, objective: 0.5 + t.seed}}) for t in trials]
        results = {t.row.run_id: t.result for t in trials if t.result is not None}
        own = Comparison(collect(own.evidence.study, "u", rows, results))
    drawn = [*score_figures(own), *difference_figures(own), *class_figures(own)]
    assert drawn
    assert picture(drawn[0]).png.startswith(b"\x89PNG")


def test_the_same_numbers_give_the_same_picture() -> None:
    one, other = (picture(score_figures(made({"data.ratio": ("2", "5")}))[0]) for _ in range(2))
    assert one == other
    assert one.width > 400
