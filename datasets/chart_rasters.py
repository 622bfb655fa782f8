"""A raster of polygon ids -> SIC, SOD and FLOE charts, with the classes of the polygons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.labels import CHARTS, IGNORE, Chart
from datasets.sigrid import NO_POLYGON, PolygonClasses

_STRIP_LINES: Final = 64


@dataclass(frozen=True, kw_only=True)
class ChartRasters:
    """The charts of one scene.

    Attributes:
        charts: (lines, samples) uint8 by name, 255 = no label.
        pixels: Pixels of each class and of 255, by chart name.
        dropped: Pixels that carry a polygon id and lost a label, by reason (`no_row`: the id has no code row).
    """

    charts: Mapping[str, NDArray[np.uint8]]
    pixels: Mapping[str, Mapping[int, int]]
    dropped: Mapping[str, int]


def rasterize(ids: NDArray[np.uint16], polygons: PolygonClasses) -> ChartRasters:
    """Looks up the charts of a raster of polygon ids.

    Args:
        ids: (lines, samples) uint16 polygon ids; `NO_POLYGON` where there is none (land, outside chart or swath).
        polygons: Classes by id.
    """
    tables = {name: class_table(polygons.classes[name]) for name in CHARTS}
    charts = {name: np.empty(ids.shape, np.uint8) for name in CHARTS}
    counts = np.zeros(NO_POLYGON + 1, np.int64)
    for strip in _strips(ids):
        # Polygons are large: looked up once for each run of an id, not for each pixel.
        values, lengths = runs(ids[strip])
        np.add.at(counts, values, lengths)
        for name, table in tables.items():
            charts[name][strip] = table[values].repeat(lengths).reshape(-1, ids.shape[1])
    used = {int(polygon): int(counts[polygon]) for polygon in np.flatnonzero(counts)}
    pixels = {name: dict.fromkeys([*range(chart.n_classes), IGNORE], 0) for name, chart in CHARTS.items()}
    for polygon, count in used.items():
        for name, table in tables.items():
            pixels[name][int(table[polygon])] += count
    dropped = dict.fromkeys(("no_row", "no_code", *(f"{name}_code" for name in CHARTS)), 0)
    for polygon in used.keys() - {NO_POLYGON}:
        for reason in polygons.reasons.get(polygon, frozenset({"no_row"})):
            dropped[reason] += used[polygon]
    return ChartRasters(charts=charts, pixels=pixels, dropped=dropped)


def class_table(classes: Mapping[int, int]) -> NDArray[np.uint8]:
    """Class of every id, (65536,) uint8; 255 for ids without a class, as `NO_POLYGON` always is."""
    table = np.full(NO_POLYGON + 1, IGNORE, np.uint8)
    table[list(classes)] = list(classes.values())
    return table


def count_classes(values: NDArray[np.uint8], chart: Chart) -> dict[int, int]:
    """Pixels of each class of a chart and of 255, (lines, samples)."""
    counts = np.zeros(IGNORE + 1, np.int64)
    for strip in _strips(values):
        counts += np.bincount(values[strip].ravel(), minlength=counts.size)
    return {value: int(counts[value]) for value in (*range(chart.n_classes), IGNORE)}


def runs(ids: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Ids and lengths of the runs of equal ids, in order of the pixels; a run goes on from one line to the next."""
    flat = ids.reshape(-1)
    starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)
    return flat[starts], np.diff(starts, append=flat.size)


def _strips(values: NDArray[np.integer]) -> list[slice]:
    """Some lines at a time: numpy widens indices and counts to eight bytes per pixel."""
    return [slice(start, start + _STRIP_LINES) for start in range(0, values.shape[0], _STRIP_LINES)]
