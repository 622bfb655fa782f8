"""Confusion matrices of cells."""

import pytest

from sweeps.report.study_figures import class_figures
from tests.sweeps.report.drawn_cells import by_name, made, ticks


@pytest.mark.slow
def test_classes_and_the_confusion_of_the_best() -> None:
    figures = by_name(class_figures(made({"data.ratio": ("2", "5")})))
    assert list(figures) == ["classes", "confusion"]
    assert ticks(figures["classes"].axes[0].xaxis)[-1] == "old ice"
    assert "best: ratio 5 (200 m), 80 m grid, 2 seeds added up" in figures["confusion"].axes[0].get_title()
