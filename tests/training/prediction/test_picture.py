"""Scene maps as pictures."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from datasets import block_reduction
from datasets.class_colours import NO_SAR, class_colours, unclassed
from datasets.labels import CHARTS, SIC, SOD
from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid
from ingest.sample.geography import tie_points, track_point
from ingest.sample.regions import Direction
from training.prediction import picture, scene_map
from training.prediction.picture import scene_map_figure, write_picture


def map_of(
    names: tuple[str, ...] = ("SOD",), direction: Direction = "descending", shape: tuple[int, int] = (80, 120)
) -> xr.Dataset:
    """Class 1 in the first lines, then 2; land in the last sample and no SAR in the one before it."""
    lines, samples = shape
    ties = TieGrid.from_points(
        tie_points(track_point(70.0, -56.0, direction), lines=lines * 100, samples=samples * 100, duration=60)
    )
    at = np.ix_(np.linspace(0, ties.lines.size - 1, lines), np.linspace(0, ties.samples.size - 1, samples))
    variables: dict[str, object] = {}
    for name in names:
        chart = CHARTS[name]
        classes = np.full(shape, 2, np.uint8)
        classes[: lines // 2] = 1
        classes[:, -1], classes[:, -2] = scene_map.LAND, 255
        shares = np.full((chart.n_classes, *shape), 5, np.uint8)
        shares[1, : lines // 2], shares[2, lines // 2 :] = 80, 60
        entropy = np.full(shape, 30, np.uint8)
        for layer in (shares, entropy):
            layer[..., -2:] = 255
        variables |= {
            name: (scene_map.DIMS, classes, scene_map.class_attributes(chart)),
            f"{name}_probability": (
                (f"{name}_class", *scene_map.DIMS),
                shares,
                scene_map.layer_attributes(chart, "probability"),
            ),
            f"{name}_entropy": (
                scene_map.DIMS,
                entropy,
                scene_map.layer_attributes(chart, "entropy"),
            ),
            f"{name}_spread": (
                scene_map.DIMS,
                entropy // 3,
                scene_map.layer_attributes(chart, "spread"),
            ),
        }
    places = {
        coordinate: (scene_map.DIMS, _field(ties.fields[field], at).astype(np.float32))
        for coordinate, field in (("latitude", LATITUDE), ("longitude", LONGITUDE))
    }
    attributes = {
        "scene_id": "20180325T194759_dmi",
        "acquired": "2018-03-25T19:47:59Z",
        "source": "icebench_unet",
        "lake": "73d2f10b4a0c",
        "checkpoints": "a1b2c3",
        "pixel_spacing": 4000,
        "ratio": 100,
    }
    return xr.Dataset(variables, coords=places, attrs=attributes)


def _field(nodes: NDArray[np.float64], at: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
    (line, sample) = at
    rows = np.stack([np.interp(sample.ravel(), np.arange(nodes.shape[1]), row) for row in nodes])
    return np.stack([np.interp(line.ravel(), np.arange(nodes.shape[0]), column) for column in rows.T]).T


def drawn(figure: Figure, title: str) -> NDArray[np.generic]:
    (axes,) = (each for each in figure.axes if each.get_title() == title)
    return np.ma.filled(axes.images[-1].get_array(), np.nan)


def colour(hexadecimal: str) -> list[int]:
    return [int(hexadecimal[place : place + 2], 16) for place in (1, 3, 5)]


def test_a_map_is_drawn_to_the_north_with_every_layer(tmp_path: Path) -> None:
    data = map_of(("SOD", "SIC"), "ascending")
    figure = scene_map_figure(data, "wmo")
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == [
        f"{chart.name}: {words}"
        for chart in (SIC, SOD)
        for words in (
            chart.long_name,
            "probability of the class",
            "entropy (0 sure, 1 all alike)",
            "spread between networks",
        )
    ]
    # Of an ascending pass the first line is the southernmost, and samples go east.
    classes = drawn(figure, "SOD: stage of development")
    assert classes[-1, 0, :3].tolist() == colour(class_colours(SOD, "wmo")[1])
    assert classes[0, 0, :3].tolist() == colour(class_colours(SOD, "wmo")[2])
    assert classes[0, -1, :3].tolist() == colour(unclassed("wmo")[0].colour), "land"
    assert classes[0, -2, :3].tolist() == colour(NO_SAR.colour)
    chosen = drawn(figure, "SOD: probability of the class")
    np.testing.assert_allclose(chosen[[-1, 0], 0], [0.8, 0.6], atol=1e-6)
    assert np.isnan(chosen[:, -2:]).all()
    np.testing.assert_allclose(drawn(figure, "SOD: entropy (0 sure, 1 all alike)")[:, 0], 0.3, atol=1e-6)
    said = figure.texts[0].get_text()
    for word in (
        "20180325T194759_dmi",
        "25 March 2018 19:47 UTC",
        "icebench_unet",
        "73d2f10b4a0c",
        "lines run upwards",
    ):
        assert word in said
    assert "synthetic" not in said
    marked = scene_map_figure(data.assign_attrs(comment=scene_map.SYNTHETIC)).texts[0].get_text()
    assert "25 March 2018 19:47 UTC · synthetic\n" in marked
    path = write_picture(data, tmp_path / "new" / "map.png")
    assert path == tmp_path / "new" / "map.png"
    assert imread(path).std() > 0


def test_packed_and_decoded_maps_give_one_picture(tmp_path: Path) -> None:
    map_of().drop_vars("SOD_spread").to_zarr(tmp_path / "map.zarr", zarr_format=3, consolidated=False)
    figures = [
        scene_map_figure(opened)
        for packed in (True, False)
        for opened in [xr.open_zarr(tmp_path / "map.zarr", mask_and_scale=not packed, consolidated=False)]
    ]
    titles = [axes.get_title() for axes in figures[0].axes if axes.get_title()]
    assert len(titles) == 3, "without a spread there is no panel"
    for title in titles:
        np.testing.assert_allclose(drawn(figures[0], title), drawn(figures[1], title), atol=1e-6)


def test_a_large_map_is_read_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    data = map_of(shape=(200, 220))
    monkeypatch.setattr(picture, "MOST_PIXELS", 50)
    monkeypatch.setattr(block_reduction, "_STRIP_PIXELS", 220 * 6 * 20)
    read: list[int] = []
    isel = xr.Dataset.isel

    def counting(self: xr.Dataset, *args: object, **words: object) -> xr.Dataset:
        found = isel(self, *args, **words)  # type: ignore[arg-type]
        read.append(found.sizes["line"])
        return found

    monkeypatch.setattr(xr.Dataset, "isel", counting)
    figure = scene_map_figure(data)
    assert max(read) <= 20
    assert sum(read) == 200
    classes = drawn(figure, "SOD: stage of development")
    assert classes.shape[:2] == (40, 44)
    assert "blocks of 5 x 5" in figure.texts[0].get_text()
    assert classes[0, 0, :3].tolist() == colour(class_colours(SOD, "safe")[1]), "the commonest class, not land"
