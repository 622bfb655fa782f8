"""Sheets of maps: what is drawn where, and that nothing is cut."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from datasets.class_colours import LAND, NO_LABEL, NO_PREDICTION, NO_SAR, Palette
from datasets.labels import CHARTS, SIC, SOD
from datasets.map_frame import MapFrame
from datasets.map_panels import Kinds, Shades, class_legend, class_swatches, percent
from datasets.picture_sheet import draw_sheet


def flat(lines: int, samples: int) -> MapFrame:
    """North of 70 degrees, lines to the south, samples to the east: as it is drawn."""
    latitude, longitude = np.meshgrid(np.linspace(71, 70, 9), np.linspace(-50, -47, 9), indexing="ij")
    return MapFrame.of_nodes(latitude, longitude, lines=lines, samples=samples, spacing_m=1000.0)


def sheet(lines: int, samples: int, palette: Palette) -> Figure:
    values = np.zeros((lines, samples), np.uint8)
    values[: lines // 2, : samples // 2] = NO_SAR.code
    shares = {**dict.fromkeys(range(11), 0.07), NO_SAR.code: 0.1, NO_LABEL.code: 0.05, LAND.code: 0.05, 252: 0.03}
    panels = [
        Shades(title="SAR", values=np.where(values, np.nan, -9.0), spacing_m=1000.0, limits=(-30, 0), units="dB"),
        *(
            Kinds(
                title=f"{chart.name}: {chart.long_name}",
                values=values,
                spacing_m=1000.0,
                swatches=class_swatches(chart, palette),
                legend=class_legend(chart, palette, shares),
            )
            for chart in CHARTS.values()
        ),
    ]
    return draw_sheet(flat(lines, samples), panels, columns=2, title="a title " * 30, legend=panels[2].legend)  # type: ignore[union-attr]


@pytest.mark.parametrize("palette", ["safe", "wmo"])
@pytest.mark.parametrize(("lines", "samples"), [(60, 60), (100, 20), (20, 100)])
def test_nothing_is_cut_and_nothing_covers_another(lines: int, samples: int, palette: Palette) -> None:
    figure = sheet(lines, samples, palette)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    legends = [legend for axes in figure.axes if (legend := axes.get_legend()) is not None]
    assert len(legends) == 4
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes if axes.get_legend() is None]
    boxes += [legend.get_window_extent(renderer) for legend in legends] + [figure.texts[0].get_window_extent(renderer)]
    for place, box in enumerate(boxes):
        assert box is not None
        assert min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1) >= 0, place
        for other in boxes[:place]:
            assert other is not None
            common = min(box.x1, other.x1) - max(box.x0, other.x0), min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(common) < 8, place  # half of a longitude at the edge of a map stands below its colour bar


def test_a_colour_bar_is_as_tall_as_its_map_and_maps_are_true_to_scale() -> None:
    figure = sheet(30, 60, "safe")
    drawn, bar = figure.axes[:2]
    assert bar.get_position().height == pytest.approx(drawn.get_position().height)
    assert bar.get_position().y0 == pytest.approx(drawn.get_position().y0)
    width, height = drawn.get_position().size * figure.get_size_inches()
    assert width / height == pytest.approx(2.0)
    assert width * height == pytest.approx(17.0)


def test_four_kinds_of_no_class_look_different_as_drawn() -> None:
    values = np.repeat(np.array([[LAND.code, NO_LABEL.code, NO_SAR.code, NO_PREDICTION.code]], np.uint8), 40, axis=1)
    values = np.repeat(values, 40, axis=0)
    panel = Kinds(title="", values=values, spacing_m=1000.0, swatches=class_swatches(SOD, "safe"))
    frame = MapFrame.of_nodes(
        *np.meshgrid(np.linspace(71, 70.99, 9), np.linspace(-50, -49.99, 9), indexing="ij"),
        lines=40,
        samples=160,
        spacing_m=1000.0,
    )
    figure = draw_sheet(frame, [panel], columns=1, title="")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    grey = np.asarray(canvas.buffer_rgba())[..., :3].astype(float) @ [0.299, 0.587, 0.114]
    box = figure.axes[0].get_window_extent()
    rows = slice(grey.shape[0] - int(box.y1) + 45, grey.shape[0] - int(box.y0) - 45)
    found = []
    for place in range(4):
        start = int(box.x0 + box.width * place / 4)
        part = grey[rows, start + 8 : start + int(box.width / 4) - 60]
        found.append((part.mean(), part.std()))
    tones = sorted(mean for mean, _ in found)
    assert np.diff(tones).min() > 15
    assert found[0][1] < 1 < min(spread for _, spread in found[1:]), "all but land have a pattern"


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.0001, "< 1 %"), (0.2, "20 %"), (0.9999, "> 99 %"), (1.0, "100 %")]
)
def test_what_can_be_seen_is_not_nothing(share: float, text: str) -> None:
    assert percent(share) == text


def test_classes_of_one_colour_are_one_entry() -> None:
    shares = {0: 0.5, 1: 0.001, 2: 0.002, 10: 0.4, LAND.code: 0.097}
    names = [entry.name for entry in class_legend(SIC, "wmo", shares)]
    assert names == [
        "0% (50 %)",
        "10 to 30% (< 1 %)",
        "40 to 60% (0 %)",
        "70 to 80% (0 %)",
        "90 to 100% (40 %)",
        "land (10 %)",
    ]
    assert len(class_legend(SIC, "safe", shares)) == 12
    assert [entry.name for entry in class_legend(SOD, "safe", [0, 255])][-2:] == ["old ice", "no label"]
