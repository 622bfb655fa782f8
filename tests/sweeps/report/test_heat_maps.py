"""Maps of numbers: reasons instead of holes."""

from sweeps.report.study_figures import bin_figures, main_figures
from tests.sweeps.report.drawn_cells import made, texts, ticks


def test_two_axes_are_a_map_with_reasons_for_holes() -> None:
    axes = {"data.train.season": ("winter", "fall"), "data.train.location": ("cat1", "cat4")}
    left = [{"cell": ("fall", "cat4"), "reason": "no test scenes"}]
    (drawn,) = main_figures(made(axes, left_out=left, trials=6))
    panel, bar = drawn.figure.axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("trained on location", "trained on season")
    assert ticks(panel.xaxis) == ["cat1", "cat4"]
    assert bar.get_ylabel() == "weighted F1, 80 m grid [%]"
    assert "no test scenes" in texts(drawn.figure)
    assert sum("±" in text for text in texts(drawn.figure)) == 3


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
