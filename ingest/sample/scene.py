"""One scene as arrays: the chart of a scenario, what each sensor sees of it, and where it lies."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.seasons import SEASONS
from datasets.sigrid import HEADER
from ingest.sample.codes import code_row, draw_ice, draw_ids
from ingest.sample.geography import distance_to_land, tie_points, zones
from ingest.sample.polygons import LAND, Shares, coarse_shape, draw_polygons
from ingest.sample.radar import backscatter
from ingest.sample.radiometer import amsr2
from ingest.sample.regions import REGION_TABLE, Region
from ingest.sample.scenario import Scenario
from ingest.sample.smooth_fields import enlarged_labels, plane
from ingest.sample.surfaces import mixtures
from ingest.sample.weather import draw_climate, era5

_CELL = 50  # pixels of 40 m along one cell of the 2 km grid (AI4Arctic raw file schema)
_EVERY = 5  # a 2 km cell is described by every fifth pixel along both axes


def draw_scene(scenario: Scenario) -> dict[str, NDArray[Any]]:
    """The variables of a raw file by name, in its order."""
    place, provider = REGION_TABLE[scenario.name.region], scenario.name.provider
    shape = (scenario.lines, scenario.samples)
    rng = scenario.generator("chart")
    climate = draw_climate(scenario)
    coarse_labels, polygons = draw_polygons(rng, coarse_shape(*shape), _shares(rng, scenario, place))
    ice = draw_ice(rng, polygons, season=scenario.season, old=place.old, provider=provider)
    labels = enlarged_labels(coarse_labels, shape)
    charted = (labels != LAND) & ~_uncharted(rng, shape)

    # Only polygons that meet the image have a row of codes.
    present = np.unique(labels[charted])
    ids = np.full(len(ice) + 1, np.nan, dtype=np.float32)
    ids[present] = draw_ids(scenario.generator("ids"), present.size)
    rows = [code_row(int(ids[i]), ice[i - 1], provider) for i in present]

    parts = mixtures(ice)
    sar = backscatter(scenario, labels, parts, climate)
    cover = _cover_of_cells(labels, parts.cover())
    weather = era5(scenario.generator("weather"), climate, cover[..., 0])
    return {
        "polygon_codes": np.array([HEADER, *rows], dtype=object),
        "nersc_sar_primary": sar[0],
        "nersc_sar_secondary": sar[1],
        "polygon_icechart": np.where(charted, ids.take(labels), np.float32(np.nan)),
        "distance_map": zones(distance_to_land(labels == LAND)),
        **tie_points(scenario.centre, lines=scenario.lines, samples=scenario.samples, duration=scenario.duration),
        **amsr2(scenario, cover, weather=weather, melt=climate.melt),
        **weather,
    }


def _shares(rng: np.random.Generator, scenario: Scenario, place: Region) -> Shares:
    """Land and water of one scene around the means of its region and season.

    The archive holds scenes without land, of water only and without water; the first four scenes of a call hold
    some of everything, so that the smallest sample sets do.
    """
    mean_water = place.water[SEASONS.index(scenario.season)]
    chance = rng.random(3)
    land = float(np.clip(rng.normal(place.land, 0.12), 0.04, 0.75))
    # A little more than the region's share: seasons take turns here, while the archive has more fall and summer.
    water = float(np.clip(rng.normal(mean_water + 0.08 * (1 - mean_water), 0.1), 0.04, 0.93))
    if scenario.index >= 4:
        if chance[0] < 0.3 and place.land < 0.3:
            land = 0.0
        if chance[1] < 0.15 and mean_water > 0.6:
            water = 1.0
        if chance[1] < 0.5 and mean_water < 0.15:
            water = 0.0
    fast = {"winter": 0.9, "spring": 0.9, "summer": 0.4, "fall": 0.15}[scenario.season]
    return Shares(land=land, water=water, fast=bool(chance[2] < fast))


def _uncharted(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Half of the charts end inside the image, at a straight line; 2 to 22 % of it then lie outside: (shape) bool."""
    angle = float(rng.uniform(0, 2 * np.pi))
    if rng.random() >= 0.5:
        return np.zeros(shape, dtype=bool)
    share = float(rng.uniform(0.02, 0.22))

    line, sample = (np.linspace(0, size, 101) for size in shape)
    overview = np.add.outer(line * np.sin(angle), sample * np.cos(angle))
    outside: NDArray[np.bool_] = plane(shape, angle) > np.quantile(overview, 1 - share)
    return outside


def _cover_of_cells(labels: NDArray[np.int16], cover: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each surface in whole 2 km cells, by that in each label: (2 km lines, 2 km samples, surfaces)."""
    lines, samples = (size // _CELL for size in labels.shape)
    half, side = _EVERY // 2, _CELL // _EVERY
    seen = cover[labels[half : lines * _CELL : _EVERY, half : samples * _CELL : _EVERY]]
    return np.asarray(seen.reshape(lines, side, samples, side, -1).mean(axis=(1, 3)))
