"""`scene.SOD.icebench.plot()` in plain xarray."""

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import datasets.scene_plots  # noqa: F401  (registers the accessor)
from datasets.class_colours import NO_LABEL, class_colours
from datasets.errors import TiePointsError, UnknownNameError
from datasets.labels import SOD
from datasets.lake import Lake
from datasets.map_frame import MapFrame


@pytest.fixture
def scene(tiny_lake: Lake) -> xr.Dataset:
    scenes = [tiny_lake.scene_url(record.scene_id) for record in tiny_lake.catalog().records]
    opened = [xr.open_zarr(url, group="r5") for url in scenes]
    return max(opened, key=lambda each: np.unique(each.SOD).size)


def colours_drawn(figure: Figure) -> set[str]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    left, bottom, width, height = (int(each) for each in figure.axes[0].get_window_extent().bounds)
    pixels = np.asarray(canvas.buffer_rgba())[::-1][bottom : bottom + height, left : left + width, :3]
    found, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    return {to_hex(colour / 255) for colour, count in zip(found, counts, strict=True) if count > 20}


@pytest.mark.parametrize("palette", ["safe", "wmo"])
def test_every_class_has_its_colour(scene: xr.Dataset, palette: str) -> None:
    axes = Figure(figsize=(8, 6)).add_subplot()
    assert scene.SOD.icebench.plot(ax=axes, colours=palette) is axes
    kinds, counts = np.unique(scene.SOD, return_counts=True)
    large = [kind for kind, count in zip(kinds, counts, strict=True) if count > 40]
    assert len(large) >= 4
    colours = [*class_colours(SOD, palette), *[""] * 249, NO_LABEL.colour]  # type: ignore[arg-type]
    assert {colours[kind] for kind in large} <= colours_drawn(axes.figure)  # type: ignore[arg-type]
    legend = axes.get_legend()
    assert legend is not None
    assert "thick first year ice" in [text.get_text() for text in legend.get_texts()]


def test_it_is_turned_and_measured_by_latitude_and_longitude(scene: xr.Dataset) -> None:
    part = scene.SOD.isel(line=slice(10, 60), sample=slice(20, 90))
    axes = Figure().add_subplot()
    part.where(part < 255).icebench.plot(ax=axes)
    width, height = axes.get_xlim()[1], axes.get_ylim()[0]
    assert sorted((width, height)) == pytest.approx([50 * 0.2, 70 * 0.2], rel=0.01), "kilometres"
    assert all(label.get_text().endswith("°N") for label in axes.get_yticklabels())


def test_radar_is_drawn_on_the_same_ground(scene: xr.Dataset) -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    scene.nersc_sar_primary.icebench.plot(ax=left)
    scene.SOD.icebench.plot(ax=right)
    assert left.get_title() == "SAR HH sigma0"
    assert left.images[-1].get_clim() == (-30, 0)
    assert (left.get_xlim(), left.get_ylim()) == (right.get_xlim(), right.get_ylim())
    way = MapFrame.of_nodes(
        scene.sar_latitude.to_numpy(), scene.sar_longitude.to_numpy(), lines=1, samples=1, spacing_m=1
    ).orientation
    np.testing.assert_array_equal(
        np.ma.filled(left.images[-1].get_array(), np.nan), way.apply(scene.nersc_sar_primary.to_numpy().astype("f4"))
    )


def test_without_axes_it_draws_where_pyplot_is(scene: xr.Dataset) -> None:
    with mpl.rc_context({"backend": "agg"}):
        import matplotlib.pyplot as plt

        axes = scene.SIC.icebench.plot()
        assert axes is plt.gca()
        plt.close("all")


def test_what_is_no_chart_is_told(scene: xr.Dataset) -> None:
    with pytest.raises(UnknownNameError, match="unknown chart or channel of the SAR grid 'polygon_id': known are SIC"):
        scene.polygon_id.icebench.plot()
    with pytest.raises(UnknownNameError, match="unknown set of colours 'jet'"):
        scene.SOD.icebench.plot(colours="jet")
    with pytest.raises(TiePointsError, match="SOD has no coordinate sar_latitude"):
        scene.SOD.drop_vars(["sar_latitude", "sar_longitude"]).icebench.plot()
