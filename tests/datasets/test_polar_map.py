"""A polar map: places against points that are known, the graticule, and what is drawn where."""

import sys
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from datasets import polar_map
from datasets.errors import MissingPackageError
from datasets.grids import centres
from datasets.lake import Lake
from datasets.polar_map import Extent, corners, draw_base, draw_footprints, draw_raster, outline, projected
from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid


def ties_of(lake: Lake) -> TieGrid:
    return TieGrid.from_points(lake.scene(lake.catalog().scene_ids[0]).tie_points())


def test_the_pole_and_the_standard_meridian() -> None:
    np.testing.assert_allclose(projected(np.array(12.0), np.array(90.0)), 0, atol=1e-6)
    x, y = projected(np.array(-45.0), np.array(70.0))
    # NSIDC: k = 1 at 70 N, so metres from the pole are cos(70) times the radius of the parallel of a sphere, nearly.
    assert abs(x) < 1e-6
    assert y == pytest.approx(-2_194_000, rel=0.01)


def test_corners_of_blocks_lie_around_their_centres(tiny_lake: Lake) -> None:
    ties, step, shape = ties_of(tiny_lake), 10, (42, 52)
    found = corners(ties, shape, step)
    assert found.shape == (43, 53, 2)
    middle = (found[:-1, :-1] + found[1:, 1:] + found[1:, :-1] + found[:-1, 1:]) / 4
    line, sample = np.meshgrid(centres(0, 42, step), centres(0, 52, step), indexing="ij")
    places = [np.interp(at, nodes, np.arange(nodes.size)) for at, nodes in ((line, ties.lines), (sample, ties.samples))]

    def degrees(name: str) -> np.ndarray:
        low = [
            np.minimum(place.astype(int), size - 2) for place, size in zip(places, ties.fields[name].shape, strict=True)
        ]
        f, g = (place - at for place, at in zip(places, low, strict=True))
        field, (i, j) = ties.fields[name], low
        return (
            (1 - f) * (1 - g) * field[i, j]
            + f * (1 - g) * field[i + 1, j]
            + (1 - f) * g * field[i, j + 1]
            + f * g * field[i + 1, j + 1]
        )

    expected = projected(degrees(LONGITUDE), degrees(LATITUDE))
    assert np.hypot(*(middle - expected).transpose(2, 0, 1))[1:-1, 1:-1].max() < 40


def test_an_outline_goes_once_around(tiny_lake: Lake) -> None:
    ties = ties_of(tiny_lake)
    ring = outline(ties)
    n, m = ties.fields[LATITUDE].shape
    assert len(ring) == len(np.unique(ring, axis=0)) == 2 * (n + m) - 4
    x, y = ring.T
    area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    assert area == pytest.approx(np.ptp(ties.lines) * np.ptp(ties.samples) * 1600, rel=0.1)


def test_west_longitudes_are_west() -> None:
    axes = Figure().subplots()
    draw_base(axes, Extent.around(projected(np.array([-60.0, -20.0]), np.array([62.0, 80.0]))))
    words = {text.get_text() for text in axes.texts}
    assert {"60°W", "30°W", "70°N"} <= words
    assert not any("-" in word for word in words)


@pytest.mark.parametrize("points", [[(0.0, 70.0), (180.0, 70.0), (90.0, 70.0), (-90.0, 70.0)], [(178, 70), (-178, 72)]])
def test_no_line_is_drawn_twice(points: list[tuple[float, float]]) -> None:
    axes = Figure().subplots()
    draw_base(axes, Extent.around(projected(*np.array(points, float).T)))
    words = [text.get_text() for text in axes.texts]
    assert len(words) == len(set(words)) >= 4
    assert any(word in words for word in ("180°", "90°E"))


def test_longitudes_near_the_pole_do_not_lie_on_each_other() -> None:
    axes = Figure().subplots()
    draw_base(axes, extent := Extent.around(projected(np.array([-130.0, -20.0, 40.0]), np.array([62.0, 60.0, 84.0]))))
    places = [note.xy for note in axes.texts if isinstance(note, Annotation)]
    apart = [np.hypot(*np.subtract(one, other)) for one, other in combinations(places, 2)]
    assert len(places) >= 5
    assert min(apart) > 0.07 * (extent.right - extent.left)


def test_an_extent_has_the_asked_form() -> None:
    extent = Extent.around(np.array([[0.0, 0.0], [1e6, 2e5]]), aspect=1.5)
    assert extent.aspect == pytest.approx(1.5)
    assert extent.holds(np.array([[0.0, 0.0], [1e6, 2e5], [3e6, 0.0]])).tolist() == [True, True, False]


def test_a_raster_stays_on_the_map(tiny_lake: Lake) -> None:
    ties = ties_of(tiny_lake)
    axes = Figure().subplots()
    extent = Extent.around(outline(ties), least=1.0)
    draw_base(axes, extent)
    values = np.ma.masked_invalid(np.full((42, 52), 3.0))
    mesh = draw_raster(axes, ties, values, 10, vmin=0, vmax=5)
    assert axes.get_xlim() == (extent.left, extent.right), "what is drawn does not move the map"
    inside = extent.holds(np.asarray(mesh.get_coordinates()).reshape(-1, 2))
    assert inside.all()
    before = len([each for each in axes.collections if isinstance(each, PolyCollection)])
    draw_footprints(axes, [outline(ties)], "red")
    assert len([each for each in axes.collections if isinstance(each, PolyCollection)]) == before + 2


@pytest.fixture
def without_pyproj(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    polar_map._transformer.cache_clear()
    monkeypatch.setitem(sys.modules, "pyproj", None)
    yield
    polar_map._transformer.cache_clear()


@pytest.mark.usefixtures("without_pyproj")
def test_a_missing_package_is_named() -> None:
    with pytest.raises(MissingPackageError, match=r"pip install 'icebench\[maps\]'"):
        projected(np.array(0.0), np.array(80.0))
