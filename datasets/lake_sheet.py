"""A lake at a glance: where its scenes are, by split, and which classes they have, by season and by location."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from datasets.catalog import Catalog
from datasets.class_colours import Palette, class_colours
from datasets.grids import POLAR
from datasets.labels import SOD, Chart
from datasets.lake import Lake
from datasets.plural import plural
from datasets.polar_map import Extent, draw_base, draw_footprints, outline
from datasets.scene import SceneRecord, Split
from datasets.seasons import LOCATIONS, SEASONS
from datasets.storage import READERS
from datasets.tie_grid import TieGrid

SPLIT_COLOURS: Final[Mapping[str, str]] = {"train": "#1f5fa8", "val": "#e08a00", "test": "#c1121f"}
"""Told apart with every kind of colour vision; all other splits are grey."""

OTHER: Final = "#6c757d"

_PLACES: Final = {
    "cat1": "cat1 east, Beaufort",
    "cat2": "cat2 Baffin Bay",
    "cat3": "cat3 archipelago",
    "cat4": "cat4 north",
}


def lake_sheet(lake: Lake, catalog: Catalog, palette: Palette = "safe") -> Figure:
    """Draws the overview of a lake; reads the tie points of all its scenes.

    Raises:
        MissingPackageError: pyproj is not installed.
        SceneNotFoundError: A scene of the catalog is gone.
    """

    def footprint(scene_id: str) -> NDArray[np.float64]:
        return outline(TieGrid.from_points(lake.scene(scene_id).tie_points()))

    with ThreadPoolExecutor(READERS) as threads:
        outlines = list(threads.map(footprint, catalog.scene_ids))
    return draw_lake(catalog, dict(zip(catalog.scene_ids, outlines, strict=True)), lake.digest, palette)


def draw_lake(
    catalog: Catalog, outlines: Mapping[str, NDArray[np.float64]], digest: str, palette: Palette = "safe"
) -> Figure:
    """Draws the overview of scenes whose footprints are known, by scene_id, (points, 2) metres in EPSG:3413."""
    chart, colours = SOD, class_colours(SOD, palette)
    figure = Figure(figsize=(15, 8.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.25, 1), height_ratios=(1, 1))
    place, by_season, by_location = (figure.add_subplot(part) for part in (grid[:, 0], grid[0, 1], grid[1, 1]))
    draw_base(place, Extent.around(np.vstack(list(outlines.values())), least=1000e3, aspect=1.05))
    handles = []
    splits = [name for name in get_args(Split) if len(catalog.split(name))]
    for split in sorted(splits, key=lambda name: -len(catalog.split(name))):  # the smaller ones on top
        scenes = catalog.split(split)
        colour = SPLIT_COLOURS.get(split, OTHER)
        draw_footprints(place, [outlines[scene_id] for scene_id in scenes.scene_ids], colour)
        handles.append(Patch(facecolor=colour, alpha=0.7, label=f"{split} · {plural(len(scenes), 'scene')}"))
    place.legend(handles=handles, loc="upper left", fontsize=9, framealpha=0.9).set_zorder(10)
    place.set_title("footprints by split", pad=14)

    seasons = {name: catalog.where(season=name).records for name in reversed(SEASONS)}
    locations = {_PLACES[name]: catalog.where(location=name).records for name in reversed(LOCATIONS)}
    whole = {"all scenes": catalog.records}
    _draw_shares(by_season, seasons | whole, chart, colours)
    by_season.set_title(f"classes of {chart.name} by season: shares of the labelled pixels")
    _draw_shares(by_location, locations | whole, chart, colours)
    by_location.set_title("by location")
    names = [
        Patch(facecolor=colour, edgecolor="0.4", linewidth=0.5, label=name.replace("_", " "))
        for name, colour in zip(chart.classes, colours, strict=True)
    ]
    by_location.legend(
        handles=names, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3, fontsize=9, frameon=False
    )

    kind = "synthetic" if all(row.synthetic for row in catalog) else "some synthetic" if catalog.synthetic else "real"
    when = [row.acquired for row in catalog]
    figure.suptitle(
        f"{plural(len(catalog), 'scene')} ({kind}) · {min(when):%B %Y} to {max(when):%B %Y} · lake {digest}\n"
        f"polar stereographic ({POLAR}); shore: Natural Earth 1:50m"
    )
    return figure


def _draw_shares(
    axes: Axes, groups: Mapping[str, tuple[SceneRecord, ...]], chart: Chart, colours: Sequence[str]
) -> None:
    """One bar for each group, from the bottom up; beside it the classes that it has no pixel of."""
    for row, records in enumerate(groups.values()):
        counts = np.array(
            [sum(r.pixels[chart.name].get(value, 0) for r in records) for value in range(chart.n_classes)]
        )
        shares = counts / max(counts.sum(), 1)
        left = np.concatenate([[0], np.cumsum(shares)[:-1]])
        axes.barh(row, shares, left=left, color=colours, edgecolor="0.4", linewidth=0.4, height=0.68)
        for share, start in zip(shares, left, strict=True):
            if share >= 0.07:
                _write(axes, start + share / 2, row, f"{share:.0%}")
        absent = [name for name, count in zip(chart.classes, counts, strict=True) if not count]
        said = (
            ""
            if not records
            else "no label"
            if not counts.sum()
            else "no " + ", ".join(map(_short, absent))
            if absent
            else ""
        )
        axes.text(1.015, row, said.replace(", ", ",\n", 1) if len(absent) > 2 else said, fontsize=7.5, va="center")
    axes.set_yticks(
        range(len(groups)), [f"{name}\n{plural(len(records), 'scene')}" for name, records in groups.items()], fontsize=9
    )
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.tick_params(left=False, labelsize=8.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _write(axes: Axes, x: float, y: float, text: str) -> None:
    box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}
    axes.text(x, y, text, ha="center", va="center", fontsize=8, bbox=box)


def _short(name: str) -> str:
    return name.removesuffix("_ice").replace("_", " ")
