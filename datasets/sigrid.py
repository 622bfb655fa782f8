"""SIGRID-3 polygon codes -> SIC, SOD and FLOE classes, by the rules of the AutoICE reference converter.

`parse_codes` reads the rows, `classify` turns them into one class per polygon and chart; `datasets.chart_rasters` looks
these up for a raster of polygon ids. The rules (AutoICE starter kit, convert_raw_icechart.py and utils.py) are
followed row for row, even where they are surprising: partial concentrations are compared as class numbers (91 and 92
are ten tenths), parts of one class are only added pairwise into A. Where the reference writes a number outside the
class table into a chart, ours gives 255.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from datasets.errors import PolygonCodesError
from datasets.labels import CHARTS, IGNORE
from datasets.plural import plural

HEADER: Final = "poly_id;CT;CA;SA;FA;CB;SB;FB;CC;SC;FC;CN;CD;CF;POLY_TYPE"
"""First entry of polygon_codes; 15 fields."""

NOT_FILLED: Final = -9
NO_POLYGON: Final = 65535
"""Id of pixels without a polygon in a uint16 raster; real ids are far below."""


class Dominance(NamedTuple):
    """A stage or floe size names the polygon if its share of the total concentration is at least this.

    Attributes:
        SOD: For stages of development; 0.65 since December 2022, 0.70 in the first release of AI4Arctic.
        FLOE: For floe sizes; 0.65, and 0.50 in the first release.
    """

    SOD: float = 0.65
    FLOE: float = 0.65


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


class PolygonCodes(NamedTuple):
    """One row of polygon_codes: what SIGRID-3 says of one polygon, -9 where a field is not filled.

    Attributes:
        polygon: Id in the raster.
        total: Total concentration (CT).
        parts: Partial concentrations (CA, CB, CC), of the thickest ice first.
        stages: Stage of development of each part (SA, SB, SC).
        forms: Form of ice of each part (FA, FB, FC).
        water: Whether the polygon is open water (POLY_TYPE W).
    """

    polygon: int
    total: int
    parts: tuple[int, int, int]
    stages: tuple[int, int, int]
    forms: tuple[int, int, int]
    water: bool


def parse_codes(codes: Sequence[str]) -> tuple[PolygonCodes, ...]:
    """Reads code rows.

    Args:
        codes: Header and one row per polygon, fields divided by `;`. Numbers may be padded (` 8`, `08`); CF and
            POLY_TYPE are text.

    Raises:
        PolygonCodesError: The header is not the known one, or a row does not have its form.
    """
    if not codes or codes[0].strip() != HEADER:
        raise PolygonCodesError(
            f"polygon_codes begins with {codes[0].strip() if codes else 'nothing'!r}, expected the header {HEADER!r}: "
            "take the raw file from the archive again"
        )
    rows: dict[int, PolygonCodes] = {}
    for row in codes[1:]:
        found = _parse(row)
        if not 0 <= found.polygon < NO_POLYGON:
            raise PolygonCodesError(
                f"polygon_codes row {row!r} has the id {found.polygon}, allowed are 0 to {NO_POLYGON - 1}"
            )
        if found.polygon in rows:
            raise PolygonCodesError(
                f"polygon_codes has two rows for polygon {found.polygon} ({row!r}): the chart is ambiguous"
            )
        rows[found.polygon] = found
    return tuple(rows.values())


def classify(rows: Iterable[PolygonCodes], dominance: Dominance) -> PolygonClasses:
    """One class per polygon and chart.

    Args:
        rows: Codes of the polygons.
        dominance: Shares from which a stage or floe size names a polygon.
    """
    classes: dict[str, dict[int, int]] = {name: {} for name in CHARTS}
    reasons: dict[int, frozenset[str]] = {}
    for row in rows:
        values, reasons[row.polygon] = _convert(row, dominance)
        for name, value in values.items():
            classes[name][row.polygon] = value
    return PolygonClasses(classes=classes, reasons=reasons)


def _parse(row: str) -> PolygonCodes:
    fields = [field.strip() for field in row.split(";")]
    if len(fields) != HEADER.count(";") + 1:
        raise PolygonCodesError(
            f"polygon_codes row {row!r} has {plural(len(fields), 'field')}, expected {HEADER.count(';') + 1}"
        )
    try:
        polygon, ct, ca, sa, fa, cb, sb, fb, cc, sc, fc = (int(field) for field in fields[:11])
    except ValueError as error:
        raise PolygonCodesError(f"polygon_codes row {row!r} holds a code that is no whole number") from error
    return PolygonCodes(polygon, ct, (ca, cb, cc), (sa, sb, sc), (fa, fb, fc), fields[14].lower() == "w")


def _convert(row: PolygonCodes, dominance: Dominance) -> tuple[dict[str, int], frozenset[str]]:
    total = _known(row.total, SIC_CODES)
    if total == 0 or row.water:
        return dict.fromkeys(CHARTS, 0), frozenset()
    shares = [_known(part, SIC_CODES) for part in row.parts]
    if row.parts[0] == NOT_FILLED:
        shares[0] = total
    stages = [_known(stage, SOD_CODES) for stage in row.stages]
    floes = [_known(floe, FLOE_CODES) for floe in row.forms]
    found = {
        "SIC": total,
        "SOD": _dominant(total, shares, stages, dominance.SOD),
        "FLOE": IGNORE if IGNORE in floes else _dominant(total, shares, floes, dominance.FLOE),
    }
    why = {f"{name}_code" for name, value in found.items() if value < NOT_FILLED}
    if total == NOT_FILLED:
        why.add("no_code")
    return {name: value if value >= 0 else IGNORE for name, value in found.items()}, frozenset(why)


def _known(code: int, table: Mapping[int, int]) -> int:
    """Class of a code; -9 stays -9, a code outside the table becomes a number below -9 that no class can equal."""
    return code if code == NOT_FILLED else table.get(code, -1000 - abs(code))


def _dominant(total: int, shares: Sequence[int], kinds: Sequence[int], dominance: float) -> int:
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
    return kinds[largest] if merged[largest] / total >= dominance else NOT_FILLED
