"""Maps of numbers: reasons instead of holes; confusion matrices of cells."""

import pytest

from sweeps.report.heat_maps import heat_map
from sweeps.report.study_figures import bin_figures, class_figures, main_figures
from tests.sweeps.report.drawn_cells import by_name, made, texts, ticks


def test_two_axes_are_a_map_with_reasons_for_holes() -> None:
    axes = {"data.train.season": ("winter", "fall"), "data.train.location": ("cat1", "cat4")}
    left = [{"cell": ("fall", "cat4"), "reason": "no test scenes"}]
    (drawn,) = main_figures(made(axes, left_out=left, trials=6))
    panel, bar = drawn.figure.axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("trained on location", "trained on season")
    assert ticks(panel.xaxis) == ["cat1", "cat4"]
    assert bar.get_ylabel() == "weighted F1,\n80 m grid [%]"
    assert "no test scenes" in texts(drawn.figure)
    assert sum("±" in text for text in texts(drawn.figure)) == 3


def test_trained_on_against_tested_on() -> None:
    axes = {"data.train.season": ("winter", "fall", "None")}
    own = made(axes, bins=("winter", "summer", "cat4"))
    (drawn,) = bin_figures(own)
    panel = drawn.figure.axes[0]
    assert ticks(panel.yaxis) == ["winter", "fall", "all"]
    assert ticks(panel.xaxis) == ["winter", "summer", "cat4"]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("test scenes of", "trained on season")
    assert "no test scenes" in texts(drawn.figure)
    assert bin_figures(made(axes)) == []


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_what_the_colours_are_is_written_within_the_figure(rows: int) -> None:
    cells, classes = [[(0.5, 0.01)] * 3] * rows, ["thin first year ice"] * 3
    figure = heat_map(cells, ["cell"] * rows, classes, down="", across="class", label="F1 of the class, 80 m grid")
    figure.draw_without_rendering()
    written = figure.axes[1].yaxis.label.get_window_extent()
    assert figure.bbox.y0 <= written.y0
    assert written.y1 <= figure.bbox.y1


@pytest.mark.slow
def test_classes_and_the_confusion_of_the_best() -> None:
    figures = by_name(class_figures(made({"data.ratio": ("2", "5")})))
    assert list(figures) == ["classes", "confusion"]
    assert ticks(figures["classes"].axes[0].xaxis)[-1] == "old ice"
    assert "best: ratio 5 (200 m), 80 m grid, 2 seeds added up" in figures["confusion"].axes[0].get_title()
