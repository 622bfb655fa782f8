"""What figures have in common: parts of many rows, and the same bytes for the same numbers."""

import numpy as np

from sweeps.report.drawing import PER_FIGURE, picture, series
from sweeps.report.study_figures import main_figures
from tests.sweeps.report.drawn_cells import by_name, made, ticks


def test_many_cells_are_several_figures() -> None:
    own = made({"x": tuple(f"word{number}" for number in range(PER_FIGURE + 1))}, seeds=(0,), trials=PER_FIGURE + 1)
    figures = by_name(main_figures(own))
    assert list(figures) == ["scores_1", "scores_2"]
    rows = [len(ticks(figure.axes[0].yaxis)) for figure in figures.values()]
    assert sum(rows) == PER_FIGURE + 1
    assert max(rows) <= PER_FIGURE


def test_one_seed_has_no_spread_to_draw() -> None:
    for seeds in ((0,), (0, 1)):
        own = made({"x": ("a", "b")}, seeds=seeds, trials=2 * len(seeds))
        assert np.isnan(series(own, own.keys, own.objective, "").spread).all() == (len(seeds) == 1)


def test_the_same_numbers_give_the_same_picture() -> None:
    one, other = (picture(main_figures(made({"data.ratio": ("2", "5")}))[0]) for _ in range(2))
    assert one == other
    assert one.width > 400
