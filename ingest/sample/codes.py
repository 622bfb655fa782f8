"""What the polygons hold: ice of each polygon, and its code row as either ice service spells it.

Codes are SIGRID-3 as the archive uses them; the class behind each code is that of the AutoICE challenge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from datasets.seasons import Season
from datasets.sigrid import NOT_FILLED
from ingest.sample.polygons import Polygon
from ingest.source import Provider

STAGE_CODES: dict[int, tuple[int, ...]] = {
    1: (81, 81, 82),
    2: (84, 85, 83),
    3: (87, 87, 88),
    4: (91, 93, 86),
    5: (95, 95, 96, 97),
}
"""Stage codes drawn for each SOD class."""

_FAST_FORM = 8

# Share of the ice at each total concentration, from the edge to the pack (published class counts).
_CONCENTRATIONS = (10, 20, 30, 40, 50, 60, 70, 80, 90, 91)
_UP_TO = (0.012, 0.06, 0.1, 0.127, 0.17, 0.2, 0.25, 0.33, 0.48, 1.0)

# Shares of new, young, thin and thick first-year ice in the ice that is not old; rare stages raised.
_YOUNG_MIX: dict[Season, tuple[float, float, float, float]] = {
    "winter": (0.09, 0.28, 0.36, 0.27),
    "spring": (0.03, 0.03, 0.08, 0.86),
    "summer": (0.0, 0.0, 0.02, 0.98),
    "fall": (0.52, 0.28, 0.08, 0.12),
}
_AMBIGUOUS: dict[Season, float] = {"winter": 0.45, "spring": 0.22, "summer": 0.24, "fall": 0.42}
_LEAST_OLD = 0.05  # of the ice, also where the archive has next to none


class Partial(NamedTuple):
    """One of up to three kinds of ice in a polygon: tenths of the sea, stage code, form code."""

    tenths: int
    stage: int
    form: int


@dataclass(frozen=True, kw_only=True)
class Ice:
    """Ice of one polygon; the defaults are open water.

    Attributes:
        total: Total concentration code CT.
        partials: Kinds of ice, most first; empty for water.
        traces: Stage code of traces (CN), -9 for none.
        fast: Whether the ice is fast to the shore.
    """

    total: int = NOT_FILLED
    partials: tuple[Partial, ...] = ()
    traces: int = NOT_FILLED
    fast: bool = False

    @property
    def tenths(self) -> int:
        """Total concentration, 0 to 10 tenths of the polygon."""
        return sum(partial.tenths for partial in self.partials)


def draw_ice(
    rng: np.random.Generator, polygons: Sequence[Polygon], *, season: Season, old: float, provider: Provider
) -> list[Ice]:
    """Draws the ice of every polygon.

    Stages follow the depth in the ice: the youngest at the edge and in holes, the oldest deep in the pack.

    Args:
        rng: Source of randomness.
        polygons: Polygons of the chart.
        season: Sets the mix of stages.
        old: Share of old ice in the ice of the region.
        provider: Forms that only one service uses (cake ice) follow from it.
    """
    old = max(old, _LEAST_OLD)
    mix = np.array([*(np.array(_YOUNG_MIX[season]) * (1 - old)), old]) * rng.gamma(6.0, 1 / 6.0, 5)
    up_to = np.cumsum(mix / mix.sum())
    return [_ice(rng, polygon, season, up_to, provider) for polygon in polygons]


def code_row(polygon_id: int, ice: Ice, provider: Provider) -> str:
    """The row of `polygon_codes` as a service spells it.

    CIS pads numbers to two digits, glues two form codes together in CF, and codes open water as bergy water; DMI
    does none of it and leaves water unfilled.
    """
    if not ice.partials:
        # CT=02 with glacier ice in the form of bergs is the bergy water of every Canadian chart.
        codes = ["02", "-9", "98", "10", *["-9"] * 8, "10-9"] if provider == "cis" else ["-9"] * 13
        return ";".join([str(polygon_id), *codes, "W"])
    alone = len(ice.partials) == 1
    numbers = [ice.total]
    for partial in ice.partials:
        numbers += [NOT_FILLED if alone else 10 * partial.tenths, partial.stage, partial.form]
    numbers += [NOT_FILLED] * (10 - len(numbers)) + [ice.traces, NOT_FILLED]
    first = ice.partials[0]
    if provider == "dmi":
        spelled = [str(n) for n in numbers]
        last = "19" if first.form == NOT_FILLED else "-9"
    else:
        spelled = [str(n) if n == NOT_FILLED else f"{n:02d}" for n in numbers]
        last = f"{20 if first.form == NOT_FILLED else first.form:02d}-9"
    return ";".join([str(polygon_id), *spelled, last, "I"])


def draw_ids(rng: np.random.Generator, count: int) -> list[int]:
    """Polygon ids of a whole chart, of which `count` meet the image: ascending, with gaps."""
    first = int(rng.choice([0, 1, 3, int(rng.integers(5, 30))]))
    span = max(count + 2, round(count * rng.uniform(1.15, 2.0)))
    return [int(i) for i in np.sort(rng.choice(span, count, replace=False)) + first]


def _ice(rng: np.random.Generator, polygon: Polygon, season: Season, up_to: np.ndarray, provider: Provider) -> Ice:
    kind, depth = polygon.kind, polygon.depth
    if kind == "water" or (kind == "hole" and season in ("summer", "fall") and rng.random() < 0.5):
        return Ice()
    stage_class = 1 + int(np.searchsorted(up_to, np.clip(depth + rng.normal(0, 0.08), 0, 1), side="right").clip(0, 4))
    total = _CONCENTRATIONS[int(np.searchsorted(_UP_TO, np.clip(depth + rng.normal(0, 0.05), 0.001, 1)))]
    if kind == "fast":
        total = 92
        stage_class = max(stage_class, 3 if season == "winter" else 4) if season != "fall" else min(stage_class, 3)
    elif kind == "strip":
        total = int(rng.choice([10, 20, 30, 40, 60]))
    elif kind == "hole":
        stage_class = int(rng.choice([1, 1, 2, 3] if season in ("winter", "spring") else [stage_class]))
    form = _form(rng, stage_class, total, provider)
    if kind == "fast":
        form = _FAST_FORM
    tenths = min(10, -(-total // 10))
    if kind != "fast" and tenths >= 3 and rng.random() < _AMBIGUOUS[season]:
        partials = _ambiguous(rng, stage_class, form, tenths, total, provider)
    else:
        partials = _dominated(rng, stage_class, form, tenths)
    traces = 95 if stage_class < 5 and rng.random() < 0.3 else NOT_FILLED
    return Ice(total=total, partials=partials, traces=traces, fast=kind == "fast")


def _form(rng: np.random.Generator, stage_class: int, total: int, provider: Provider) -> int:
    """Form code: larger floes in older and denser ice; 22 (no class) for some new ice, none in some strips."""
    if total == 10 and rng.random() < 0.4:
        return NOT_FILLED
    if provider == "dmi" and total <= 60 and rng.random() < 0.12:
        return 2
    if stage_class == 1:
        return int(rng.choice([3, 4, 5, 6, 22], p=[0.15, 0.25, 0.25, 0.15, 0.2]))
    if total <= 60:
        return int(rng.choice([3, 4, 5, 6], p=[0.25, 0.3, 0.3, 0.15]))
    return int(rng.choice([3, 4, 5, 6, 7], p=[0.05, 0.1, 0.2, 0.35, 0.3]))


def _dominated(rng: np.random.Generator, stage_class: int, form: int, tenths: int) -> tuple[Partial, ...]:
    """One kind of ice, or two of which the first has at least 65 % of the total."""
    first = Partial(tenths, int(rng.choice(STAGE_CODES[stage_class])), form)
    if tenths < 3 or rng.random() < 0.6:
        return (first,)
    second = int(rng.integers(1, int(0.35 * tenths) + 1))
    stage = STAGE_CODES[_neighbour(rng, stage_class)][0]
    return first._replace(tenths=tenths - second), Partial(second, stage, form)


def _ambiguous(
    rng: np.random.Generator, stage_class: int, form: int, tenths: int, total: int, provider: Provider
) -> tuple[Partial, ...]:
    """Two kinds of ice, none with 65 % of the total; forms agree in half of the cases."""
    other = _neighbour(rng, stage_class)
    first = max(-(-tenths // 2), int(0.6 * tenths))
    if first / tenths >= 0.65:
        return _dominated(rng, stage_class, form, tenths)
    stages = sorted((stage_class, other), reverse=bool(rng.random() < 0.7))
    forms = (form, form if rng.random() < 0.5 else _form(rng, other, total, provider))
    kinds = zip((first, tenths - first), stages, forms, strict=True)
    return tuple(Partial(share, int(rng.choice(STAGE_CODES[stage])), code) for share, stage, code in kinds)


def _neighbour(rng: np.random.Generator, stage_class: int) -> int:
    """A stage that lies next to another in the ice; old ice mixes with thick first-year ice."""
    return {1: 2, 2: int(rng.choice([1, 3])), 3: int(rng.choice([2, 4])), 4: int(rng.choice([3, 5])), 5: 4}[stage_class]
