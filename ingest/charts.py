"""SIGRID-3 polygon codes -> SIC, SOD and FLOE classes, by the rules of the AutoICE reference converter.

Two steps, both pure: `polygon_classes` turns code rows into one class per polygon and chart; `rasterize` looks the
classes up for a raster of polygon ids. The rules (AutoICE starter kit, convert_raw_icechart.py and utils.py) are
followed row for row, even where they are surprising: partial concentrations are compared as class numbers (91 and 92
are ten tenths), parts of one class are only added pairwise into A. Where the reference writes a number outside the
class table into a chart, ours gives 255.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.labels import CHARTS, IGNORE
from ingest.errors import RawSceneError

HEADER: Final = "poly_id;CT;CA;SA;FA;CB;SB;FB;CC;SC;FC;CN;CD;CF;POLY_TYPE"
"""First entry of polygon_codes; 15 fields."""

NOT_FILLED: Final = -9
_STRIP_LINES: Final = 64
NO_POLYGON: Final = 65535
"""Id of pixels without a polygon in a uint16 raster; real ids are far below."""
DOMINANCE: Final = 0.65
"""A stage or floe size names the polygon if its share of the total concentration is at least this."""

SIC_CODES: Final[Mapping[int, int]] = {
    **dict.fromkeys((0, 1, 2, 55), 0),
    **{10 * tenth: tenth for tenth in range(1, 10)},
    **dict.fromkeys((91, 92), 10),
}
"""Concentration codes (CT, CA, CB, CC) -> tenths."""

SOD_CODES: Final[Mapping[int, int]] = {
    **dict.fromkeys((0, 80), 0),
    **dict.fromkeys((81, 82), 1),
    **dict.fromkeys((83, 84, 85), 2),
    **dict.fromkeys((87, 88, 89), 3),
    **dict.fromkeys((86, 91, 93), 4),
    **dict.fromkeys((95, 96, 97), 5),
    **dict.fromkeys((98, 99), IGNORE),
}
"""Stage codes (SA, SB, SC) -> classes; glacier ice (98) and undetermined (99) are unlabelled."""

FLOE_CODES: Final[Mapping[int, int]] = {
    **{0: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 5, 9: 6, 10: 6},
    **dict.fromkeys((1, 8, 21, 22), IGNORE),
}
"""Form codes (FA, FB, FC) -> classes; brash (1), fast (8), level and pancake-like forms (21, 22) are unlabelled."""


@dataclass(frozen=True, kw_only=True)
class PolygonClasses:
    """Classes of the polygons of one scene.

    Attributes:
        classes: By chart name, polygon id -> class or 255.
        reasons: Polygon id -> reasons in the codes for an unlabelled chart: `no_code`, `SIC_code`,
            `SOD_code`, `FLOE_code`.
    """

    classes: Mapping[str, Mapping[int, int]]
    reasons: Mapping[int, frozenset[str]]


def polygon_classes(codes: Sequence[str]) -> PolygonClasses:
    """Converts code rows.

    Args:
        codes: Header and one row per polygon, fields divided by `;`. Numbers may be padded (` 8`, `08`); CF and
            POLY_TYPE are text.

    Raises:
        RawSceneError: The header is not the known one, or a row does not have its form.
    """
    if not codes or codes[0].strip() != HEADER:
        raise RawSceneError(
            f"polygon_codes begins with {codes[0].strip() if codes else 'nothing'!r}, expected the header {HEADER!r}: "
            "take the raw file from the archive again"
        )
    classes: dict[str, dict[int, int]] = {name: {} for name in CHARTS}
    reasons: dict[int, frozenset[str]] = {}
    for row in codes[1:]:
        polygon, values, why = _convert(row)
        if not 0 <= polygon < NO_POLYGON:
            raise RawSceneError(f"polygon_codes row {row!r} has the id {polygon}, allowed are 0 to {NO_POLYGON - 1}")
        if polygon in reasons:
            raise RawSceneError(f"polygon_codes has two rows for polygon {polygon} ({row!r}): the chart is ambiguous")
        reasons[polygon] = why
        for name, value in values.items():
            classes[name][polygon] = value
    return PolygonClasses(classes=classes, reasons=reasons)


def _convert(row: str) -> tuple[int, dict[str, int], frozenset[str]]:
    fields = [field.strip() for field in row.split(";")]
    if len(fields) != HEADER.count(";") + 1:
        raise RawSceneError(f"polygon_codes row {row!r} has {len(fields)} fields, expected {HEADER.count(';') + 1}")
    try:
        polygon, ct, ca, sa, fa, cb, sb, fb, cc, sc, fc = (int(field) for field in fields[:11])
    except ValueError as error:
        raise RawSceneError(f"polygon_codes row {row!r} holds a code that is no whole number") from error

    total = _known(ct, SIC_CODES)
    if total == 0 or fields[14].lower() == "w":
        return polygon, dict.fromkeys(CHARTS, 0), frozenset()
    shares = [_known(part, SIC_CODES) for part in (ca, cb, cc)]
    if ca == NOT_FILLED:
        shares[0] = total
    stages = [_known(stage, SOD_CODES) for stage in (sa, sb, sc)]
    floes = [_known(floe, FLOE_CODES) for floe in (fa, fb, fc)]
    found = {
        "SIC": total,
        "SOD": _dominant(total, shares, stages),
        "FLOE": IGNORE if IGNORE in floes else _dominant(total, shares, floes),
    }
    why = {f"{name}_code" for name, value in found.items() if value < NOT_FILLED}
    if total == NOT_FILLED:
        why.add("no_code")
    return polygon, {name: value if value >= 0 else IGNORE for name, value in found.items()}, frozenset(why)


def _known(code: int, table: Mapping[int, int]) -> int:
    """Class of a code; -9 stays -9, a code outside the table becomes a number below -9 that no class can equal."""
    return code if code == NOT_FILLED else table.get(code, -1000 - abs(code))


def _dominant(total: int, shares: Sequence[int], kinds: Sequence[int]) -> int:
    """Kind (stage or floe class) of the largest part, or -9 if it does not dominate.

    Parts of one kind are added as in the reference: A takes C or else B, B takes C; all sums are of the original parts,
    so three parts of one kind are never added up.
    """
    if total == NOT_FILLED:
        return NOT_FILLED
    (a, b, c), (kind_a, kind_b, kind_c) = shares, kinds
    merged = [a, b, c]
    if kind_a == kind_b != NOT_FILLED:
        merged[0] = a + b
    if kind_a == kind_c != NOT_FILLED:
        merged[0] = a + c
    if kind_b == kind_c != NOT_FILLED:
        merged[1] = b + c
    if total < NOT_FILLED:
        # An unknown total cannot be compared with; a polygon without parts is all of its first kind.
        return kind_a if a == total else NOT_FILLED
    if any(share < NOT_FILLED for share in shares):
        return NOT_FILLED
    largest = max(range(3), key=lambda place: merged[place])
    return kinds[largest] if merged[largest] / total >= DOMINANCE else NOT_FILLED


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


def _strips(ids: NDArray[np.uint16]) -> list[slice]:
    """Some lines at a time: numpy widens indices and counts to eight bytes per pixel."""
    return [slice(start, start + _STRIP_LINES) for start in range(0, ids.shape[0], _STRIP_LINES)]
