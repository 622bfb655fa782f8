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
    used = _pixels_by_id(ids)
    charts: dict[str, NDArray[np.uint8]] = {}
    pixels: dict[str, dict[int, int]] = {}
    for name, chart in CHARTS.items():
        table = np.full(NO_POLYGON + 1, IGNORE, np.uint8)
        pixels[name] = dict.fromkeys([*range(chart.n_classes), IGNORE], 0)
        for polygon, count in used.items():
            value = IGNORE if polygon == NO_POLYGON else polygons.classes[name].get(polygon, IGNORE)
            table[polygon] = value
            pixels[name][value] += count
        charts[name] = _look_up(table, ids)
    dropped = dict.fromkeys(("no_row", "no_code", *(f"{name}_code" for name in CHARTS)), 0)
    for polygon in used.keys() - {NO_POLYGON}:
        for reason in polygons.reasons.get(polygon, frozenset({"no_row"})):
            dropped[reason] += used[polygon]
    return ChartRasters(charts=charts, pixels=pixels, dropped=dropped)


def class_table(classes: Mapping[int, int]) -> NDArray[np.uint8]:
    """Class of every id, (65536,) uint8; 255 for `NO_POLYGON` and for ids without a class."""
    table = np.full(NO_POLYGON + 1, IGNORE, np.uint8)
    table[list(classes)] = list(classes.values())
    return table


def count_classes(values: NDArray[np.uint8], chart: Chart) -> dict[int, int]:
    """Pixels of each class of a chart and of 255, (lines, samples)."""
    counts = np.zeros(IGNORE + 1, np.int64)
    for strip in _strips(values):
        counts += np.bincount(values[strip].ravel(), minlength=counts.size)
    return {value: int(counts[value]) for value in (*range(chart.n_classes), IGNORE)}


def _pixels_by_id(ids: NDArray[np.uint16]) -> dict[int, int]:
    """Pixels of every id that occurs."""
    counts = np.zeros(NO_POLYGON + 1, np.int64)
    for strip in _strips(ids):
        counts += np.bincount(ids[strip].ravel(), minlength=counts.size)
    return {int(polygon): int(counts[polygon]) for polygon in np.flatnonzero(counts)}


def _look_up(table: NDArray[np.uint8], ids: NDArray[np.uint16]) -> NDArray[np.uint8]:
    values = np.empty(ids.shape, np.uint8)
    for strip in _strips(ids):
        np.take(table, ids[strip], out=values[strip], mode="clip")  # no id is beyond the table; checking costs as much
    return values


def _strips(values: NDArray[np.integer]) -> list[slice]:
    """Some lines at a time: numpy widens indices and counts to eight bytes per pixel."""
    return [slice(start, start + _STRIP_LINES) for start in range(0, values.shape[0], _STRIP_LINES)]
