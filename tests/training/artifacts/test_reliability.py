"""The picture of reliability."""

import numpy as np
import pytest

from datasets.labels import FLOE, SIC, SOD, Chart
from training.artifacts.reliability import reliability_figure
from training.evaluation.calibration import BINS, ChartCalibration


def calibration(n_classes: int) -> ChartCalibration:
    n = np.full((n_classes, BINS), 100)
    sure = n * (np.arange(BINS) + 0.5) / BINS
    parts = {"n": n.tolist(), "right": (0.8 * sure).round().tolist(), "confidence": sure.tolist()}
    return ChartCalibration(
        temperature=1.3, errors={}, class_errors={}, histograms={"test": parts, "test_scaled": parts}
    )


@pytest.mark.parametrize("chart", [SOD, FLOE, SIC])
def test_the_lowest_panel_of_every_column_says_its_confidences(chart: Chart) -> None:
    figure = reliability_figure(calibration(chart.n_classes), chart, "title")
    shown = [panel for panel in figure.axes if panel.axison]
    assert len(shown) == chart.n_classes + 1
    lowest = {}
    for panel in shown:
        spec = panel.get_subplotspec()
        assert spec is not None
        lowest[spec.colspan.start] = panel
    assert len(lowest) == 4
    assert all(panel.xaxis.get_tick_params()["labelbottom"] for panel in lowest.values())


def test_a_class_that_is_never_predicted_says_so() -> None:
    found = calibration(SOD.n_classes)
    for histogram in found.histograms.values():
        for counts in histogram.values():
            counts[1] = [0] * BINS
    titles = [panel.get_title() for panel in reliability_figure(found, SOD, "title").axes]
    assert titles[2] == "new ice\nnever predicted"
    assert titles[1].startswith("open water\nECE 0.")
