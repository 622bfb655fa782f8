"""Maps in a report: what is drawn where, and what is said where there are none."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.contour import QuadContourSet
from numpy.typing import NDArray

from datasets.class_colours import LAND, NO_LABEL, NO_SAR, ONLY_SECOND, RIGHT, class_colours
from datasets.labels import SOD
from sweeps.report.map_choice import map_choices
from sweeps.report.map_figures import map_figures, maps_section
from tests.invented_maps import invented_map
from tests.sweeps.report.test_map_choice import comparison

BETTER = {"2": 0.6, "5": 0.9, "10": 0.3}


def seen(pixel: NDArray[np.uint8]) -> str:
    return to_hex(pixel[:3] / 255)


def hatches(panel: Axes) -> list[str]:
    drawn = [each for each in panel.collections if isinstance(each, QuadContourSet)]
    return sorted(each.hatches[0] for each in drawn)


def test_a_row_shows_sar_chart_both_predictions_and_who_is_right() -> None:
    (choice,) = map_choices(comparison(BETTER))
    maps = {
        file: invented_map(file[1][5:12], 0 if file[0] == choice.trials[1].row.run_id else 9) for file in choice.files
    }
    (drawn,) = map_figures(choice, maps, ["ratio 2", "ratio 5"], "maps", "")
    panels = drawn.figure.axes
    assert len(panels) == 15
    assert [panel.get_title() for panel in panels[:5]] == [
        "SAR, HH", "SOD chart", "reference: ratio 2", "best: ratio 5", "who is right",
    ]  # fmt: skip
    _, chart, one, other, right = (np.asarray(panel.images[0].get_array())[:, ::-1] for panel in panels[:5])
    assert seen(chart[0, 0]) == LAND.colour, "mirrored, as it is stored"
    assert seen(chart[0, 4]) == NO_SAR.colour
    assert seen(chart[30, 4]) == NO_LABEL.colour
    assert seen(chart[30, 10]) == class_colours(SOD)[3]
    assert np.allclose(other[:, 5:], chart[:, 5:])
    assert seen(one[32, 10]) == class_colours(SOD)[2]
    assert seen(right[32, 10]) == ONLY_SECOND, "only the best is right"
    assert seen(right[39, 10]) == RIGHT, "both are right"
    assert seen(right[30, 4]) == NO_LABEL.colour
    patterned = [hatches(panel) for panel in panels[:5]]
    assert patterned == [["xx"], ["//", "xx"], ["xx"], ["xx"], ["//", "xx"]], "so in grey print too"
    (legend,) = drawn.figure.legends
    entries = zip(legend.texts, legend.get_patches(), strict=True)
    patterns = {text.get_text(): patch.get_hatch() for text, patch in entries}
    assert patterns["no label"]
    assert patterns["no SAR"]
    assert not patterns["both right"]
    for words in ("Chosen by rule: scenes with the median, lowest and highest", "seed 1", choice.scenes[1].scene_id):
        assert words in drawn.caption


def test_a_best_reference_has_four_panels() -> None:
    (choice,) = map_choices(comparison({"2": 0.9, "5": 0.6, "10": 0.3}))
    maps = {file: invented_map(file[1][5:12]) for file in choice.files}
    (drawn,) = map_figures(choice, maps, ["ratio 2"], "maps", "")
    assert len(drawn.figure.axes) == 12
    assert drawn.figure.axes[2].get_title() == "reference and best: ratio 2"


@pytest.mark.parametrize("some", [False, True])
def test_a_page_says_which_maps_are_missing(some: bool) -> None:
    found = comparison(BETTER)
    (choice,) = map_choices(found)
    first = choice.scenes[0].scene_id
    maps = {file: invented_map(first) for file in choice.files if first in file[1]} if some else {}
    section = maps_section(found, [choice], maps)
    assert section is not None
    assert len(section.pictures) == some
    (said,) = section.sentences
    assert choice.scenes[1].scene_id in said
    assert (first in said) != some
    assert "earlier programs" in said
