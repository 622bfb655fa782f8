"""What the polygons hold: ice of each polygon, and its code row as either ice service spells it.

Codes are SIGRID-3 as the archive uses them; the class behind each code is that of the AutoICE challenge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.labels import IGNORE
from datasets.seasons import Season
from ingest.sample.canvas import Patch
from ingest.source import Provider

HEADER = "poly_id;CT;CA;SA;FA;CB;SB;FB;CC;SC;FC;CN;CD;CF;POLY_TYPE"
"""First entry of `polygon_codes` (AI4Arctic raw file schema)."""

NONE = -9
"""A code that is not filled."""

STAGE_CODES: dict[int, tuple[int, ...]] = {
    1: (81, 81, 82),
    2: (84, 85, 83),
    3: (87, 87, 88),
    4: (91, 93, 86),
    5: (95, 95, 96, 97),
}
"""Stage codes drawn for each SOD class; SA=98 is glacier ice, without a class."""
GLACIER = 98
_FORM_CLASS = {0: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 5, 9: 6, 10: 6}
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


@dataclass(frozen=True, kw_only=True)
class Partial:
    """One of up to three kinds of ice in a polygon: tenths of the sea, stage code, form code."""

    tenths: int
    stage: int
    form: int


@dataclass(frozen=True, kw_only=True)
class Content:
    """Ice of one polygon.

    Attributes:
        water: Whether the polygon is open water.
        total: Total concentration code CT.
        partials: Kinds of ice, most first; empty for water.
        rest: Stage code of traces (CN), -9 for none.
        fast: Whether the ice is fast to the shore.
        sic: Intended concentration class 0..10.
        sod: Intended stage class 0..5, 255 where no stage reaches 65 % of the ice.
        floe: Intended floe-size class 0..6, 255 likewise and for fast ice.
    """

    water: bool
    total: int = NONE
    partials: tuple[Partial, ...] = ()
    rest: int = NONE
    fast: bool = False
    sic: int = 0
    sod: int = 0
    floe: int = 0


def fill(
    rng: np.random.Generator, patches: Sequence[Patch], *, season: Season, old: float, provider: Provider
) -> list[Content]:
    """Draws the ice of every polygon.

    Stages follow the place in the ice: the youngest at the edge and in holes, the oldest deep in the pack.

    Args:
        rng: Source of randomness.
        patches: Polygons of the canvas.
        season: Sets the mix of stages.
        old: Share of old ice in the ice of the region.
        provider: Forms that only one service uses (cake ice, bergs) follow from it.
    """
    old = max(old, _LEAST_OLD)
    mix = np.array([*(np.array(_YOUNG_MIX[season]) * (1 - old)), old]) * rng.gamma(6.0, 1 / 6.0, 5)
    up_to = np.cumsum(mix / mix.sum())
    return [_content(rng, patch, season, up_to, provider) for patch in patches]


def code_row(polygon_id: int, content: Content, provider: Provider) -> str:
    """The row of `polygon_codes` as a service spells it.

    CIS pads numbers to two digits, glues two form codes together in CF, and codes open water as bergy water; DMI
    does none of it and leaves water unfilled.
    """
    if content.water:
        # CT=02 with glacier ice in the form of bergs is the bergy water of every Canadian chart.
        codes = ["02", "-9", "98", "10", *["-9"] * 8, "10-9"] if provider == "cis" else ["-9"] * 13
        return ";".join([str(polygon_id), *codes, "W"])
    numbers = [content.total]
    alone = len(content.partials) == 1
    for i in range(3):
        if i < len(content.partials):
            partial = content.partials[i]
            numbers += [NONE if alone else 10 * partial.tenths, partial.stage, partial.form]
        else:
            numbers += [NONE] * 3
    numbers += [content.rest, NONE]
    form = content.partials[0].form
    if provider == "dmi":
        spelled = [str(n) for n in numbers]
        last = "19" if content.partials[0].stage == GLACIER or form == NONE else "-9"
    else:
        spelled = [str(n) if n == NONE else f"{n:02d}" for n in numbers]
        last = f"{20 if form == NONE else form:02d}-9"
    return ";".join([str(polygon_id), *spelled, last, "I"])


def draw_ids(rng: np.random.Generator, count: int) -> list[int]:
    """Polygon ids of a whole chart, of which `count` meet the image: ascending, with gaps."""
    first = int(rng.choice([0, 1, 3, int(rng.integers(5, 30))]))
    span = max(count + 2, round(count * rng.uniform(1.15, 2.0)))
    return [int(i) for i in np.sort(rng.choice(span, count, replace=False)) + first]


def _content(rng: np.random.Generator, patch: Patch, season: Season, up_to: np.ndarray, provider: Provider) -> Content:
    if patch.kind == "water":
        return Content(water=True)
    if patch.kind == "hole" and season in ("summer", "fall") and rng.random() < 0.5:
        return Content(water=True)
    rank = float(np.clip(patch.rank + rng.normal(0, 0.08), 0, 1))
    stage_class = 1 + int(np.searchsorted(up_to, rank, side="right").clip(0, 4))
    total = int(_CONCENTRATIONS[int(np.searchsorted(_UP_TO, np.clip(patch.rank + rng.normal(0, 0.05), 0.001, 1)))])
    if patch.kind == "fast":
        total = 92
        stage_class = max(stage_class, 3 if season == "winter" else 4) if season != "fall" else min(stage_class, 3)
    elif patch.kind == "strip":
        total = int(rng.choice([10, 20, 30, 40, 60]))
    elif patch.kind == "hole":
        stage_class = int(rng.choice([1, 1, 2, 3] if season in ("winter", "spring") else [stage_class]))
    if provider == "dmi" and total <= 30 and rng.random() < 0.06:
        return _bergs(total)
    form = _form(rng, stage_class, total, provider)
    if patch.kind == "fast":
        form = _FAST_FORM
    tenths = 10 if total > 90 else total // 10
    if patch.kind != "fast" and tenths >= 3 and rng.random() < _AMBIGUOUS[season]:
        partials = _ambiguous(rng, stage_class, form, tenths, total, provider)
    else:
        partials = _dominated(rng, stage_class, form, tenths)
    rest = 95 if stage_class < 5 and rng.random() < 0.3 else NONE
    return Content(
        water=False,
        total=total,
        partials=partials,
        rest=rest,
        fast=patch.kind == "fast",
        sic=tenths,
        sod=_dominant([_stage_class(p.stage) for p in partials], partials, tenths),
        floe=IGNORE
        if any(p.form not in _FORM_CLASS for p in partials)
        else _dominant([_FORM_CLASS[p.form] for p in partials], partials, tenths),
    )


def _bergs(total: int) -> Content:
    """A field of bergs: glacier ice has no stage of development, bergs are a floe class of their own."""
    partial = Partial(tenths=total // 10, stage=GLACIER, form=10)
    return Content(water=False, total=total, partials=(partial,), sic=total // 10, sod=IGNORE, floe=6)


def _form(rng: np.random.Generator, stage_class: int, total: int, provider: Provider) -> int:
    """Form code: larger floes in older and denser ice; 22 (no class) for some new ice, none in some strips."""
    if total == 10 and rng.random() < 0.4:
        return NONE
    if provider == "dmi" and total <= 60 and rng.random() < 0.12:
        return 2
    if stage_class == 1:
        return int(rng.choice([3, 4, 5, 6, 22], p=[0.15, 0.25, 0.25, 0.15, 0.2]))
    if total <= 60:
        return int(rng.choice([3, 4, 5, 6], p=[0.25, 0.3, 0.3, 0.15]))
    return int(rng.choice([3, 4, 5, 6, 7], p=[0.05, 0.1, 0.2, 0.35, 0.3]))


def _dominated(rng: np.random.Generator, stage_class: int, form: int, tenths: int) -> tuple[Partial, ...]:
    """One kind of ice, or two of which the first has at least 65 % of the total."""
    first = Partial(tenths=tenths, stage=int(rng.choice(STAGE_CODES[stage_class])), form=form)
    if tenths < 3 or rng.random() < 0.6:
        return (first,)
    second = int(rng.integers(1, max(2, int(0.35 * tenths) + 1)))
    if (tenths - second) / tenths < 0.65:
        return (first,)
    other = _neighbour(rng, stage_class)
    return (
        Partial(tenths=tenths - second, stage=first.stage, form=form),
        Partial(tenths=second, stage=STAGE_CODES[other][0], form=form),
    )


def _ambiguous(
    rng: np.random.Generator, stage_class: int, form: int, tenths: int, total: int, provider: Provider
) -> tuple[Partial, ...]:
    """Two or three kinds of ice, none with 65 % of the total; forms agree in half of the cases."""
    other = _neighbour(rng, stage_class)
    first = max(-(-tenths // 2), int(0.6 * tenths))
    if first / tenths >= 0.65:
        return _dominated(rng, stage_class, form, tenths)
    stages = sorted((stage_class, other), reverse=bool(rng.random() < 0.7))
    forms = (form, form if rng.random() < 0.5 else _form(rng, other, total, provider))
    pair = tuple(
        Partial(tenths=t, stage=int(rng.choice(STAGE_CODES[s])), form=f)
        for t, s, f in zip((first, tenths - first), stages, forms, strict=True)
    )
    if tenths < 9 or rng.random() < 0.75:
        return pair
    third = next(s for s in (3, 2, 4) if s not in stages)
    return (
        Partial(tenths=tenths - 5, stage=pair[0].stage, form=5),
        Partial(tenths=3, stage=pair[1].stage, form=4),
        Partial(tenths=2, stage=STAGE_CODES[third][0], form=3),
    )


def _neighbour(rng: np.random.Generator, stage_class: int) -> int:
    """A stage that lies next to another in the ice; old ice mixes with thick first-year ice."""
    return {1: 2, 2: int(rng.choice([1, 3])), 3: int(rng.choice([2, 4])), 4: int(rng.choice([3, 5])), 5: 4}[stage_class]


def _stage_class(stage: int) -> int:
    return next((c for c, codes in STAGE_CODES.items() if stage in codes), IGNORE)


def _dominant(classes: list[int], partials: tuple[Partial, ...], tenths: int) -> int:
    """Class with at least 65 % of the ice, else 255 (AutoICE rule)."""
    for candidate in set(classes):
        if sum(p.tenths for p, c in zip(partials, classes, strict=True) if c == candidate) / tenths >= 0.65:
            return candidate
    return IGNORE
