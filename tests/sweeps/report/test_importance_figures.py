"""Figures of attributions: a bar for each channel, a panel for each method or class, a map of bins."""

import pytest

from datasets.channels import INPUTS
from datasets.labels import SOD
from sweeps.report.importance import Importance
from sweeps.report.importance_figures import bin_figures, class_figures, method_figures
from tests.sweeps.report.drawn_cells import ticks
from tests.sweeps.report.explained_networks import invented
from training.attribution.settings import METHODS


@pytest.fixture(scope="module")
def importance() -> Importance:
    evidence, results = invented(2, METHODS[:2])
    return Importance(evidence=evidence, results=results, problems={})


def test_a_panel_for_each_method_with_a_bar_for_each_channel(importance: Importance) -> None:
    first, second = method_figures(importance)
    assert (first.name, second.name) == ("channels_pixel_unet", "channels_patch_resnet50")
    panels = first.figure.axes
    assert [panel.get_title() for panel in panels] == ["Integrated gradients", "Feature ablation"]
    assert [len(panel.patches) for panel in panels] == [len(INPUTS)] * 2
    assert panels[0].get_xlabel() == "share of absolute attribution [%]"
    assert "longitude" in ticks(panels[0].yaxis)


@pytest.mark.slow
def test_a_panel_for_each_class_that_was_met(importance: Importance) -> None:
    drawn = class_figures(importance)
    assert len(drawn) == 2 * 2
    titles = [panel.get_title() for panel in drawn[0].figure.axes if panel.get_title()]
    assert titles == [f"{name.replace('_', ' ')} (10,000 px)" for name in SOD.classes[:-1]]
    assert "(10,000 patches)" in drawn[-1].figure.axes[0].get_title()


def test_bins_are_a_map_of_groups(importance: Importance) -> None:
    first, _ = bin_figures(importance)
    panel = first.figure.axes[0]
    assert ticks(panel.yaxis) == ["all scenes", "winter", "summer", "cat1", "melt"]
    assert panel.get_xlabel() == "group of channels"
