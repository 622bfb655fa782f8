"""One SAR frame with its chart, drawn as coarse parts; strips of pixels come from them on demand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.seasons import SEASONS
from ingest.sample.canvas import LAND, Canvas, Shares, canvas_shape, draw_canvas
from ingest.sample.codes import Content, fill
from ingest.sample.geography import incidence
from ingest.sample.radar import Radar, Rim, draw_rims, make_radar
from ingest.sample.regions import REGION_TABLE, provider_of
from ingest.sample.scenario import Scenario
from ingest.sample.spline import Lattice
from ingest.sample.surfaces import mixtures
from ingest.sample.weather import Climate, draw_climate


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Straight border of the charted area: line * by_line + sample * by_sample > limit lies outside."""

    by_line: float
    by_sample: float
    limit: float

    def strip(self, start: int, stop: int, samples: int) -> NDArray[np.bool_]:
        """True outside the chart, at lines start..stop: (stop - start, samples)."""
        line = np.arange(start, stop, dtype=np.float32)[:, None]
        sample = np.arange(samples, dtype=np.float32)[None, :]
        return line * np.float32(self.by_line) + sample * np.float32(self.by_sample) > self.limit


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a frame shows.

    Attributes:
        canvas: Land and polygons.
        lattice: Carries the canvas to pixels.
        contents: Ice of each polygon.
        edge: Border of the chart.
        climate: Mean weather.
        radar: Backscatter.
        rims: Pixels without data in HH and in HV.
        cover: Share of each surface in each label, (labels, surfaces) float64.
    """

    canvas: Canvas
    lattice: Lattice
    contents: tuple[Content, ...]
    edge: Edge
    climate: Climate
    radar: Radar
    rims: tuple[Rim, Rim]
    cover: NDArray[np.float64]

    def labels(self, start: int, stop: int) -> NDArray[np.int16]:
        """Canvas labels at lines start..stop, charted or not: (stop - start, samples) int16, 0 = land."""
        return self.lattice.partition(self.canvas.labels, start, stop)

    def charted(self, labels: NDArray[np.int16], start: int, stop: int) -> NDArray[np.bool_]:
        """Where `labels` belong to a polygon of the chart: not on land, not beyond its edge."""
        sea: NDArray[np.bool_] = labels != LAND
        return sea & ~self.edge.strip(start, stop, labels.shape[1])


def draw_frame(scenario: Scenario) -> Frame:
    """Draws the frame of a scenario; the same for both charts of a frame charted twice."""
    # What the frame shows must not depend on who charts it: its first chart sets the region, and where a second
    # follows, only ice that either service would code is drawn (Canadian charts know neither cake ice nor bergs).
    place = REGION_TABLE[scenario.drawn_region]
    provider = "cis" if scenario.charted_twice else provider_of(scenario.drawn_region)
    shape = (scenario.lines, scenario.samples)
    rng = scenario.generator("chart")
    climate = draw_climate(
        scenario.generator("climate"),
        latitude=float(np.degrees(np.arcsin(scenario.attitude.centre[2]))),
        month=scenario.name.start.month,
    )
    cells = canvas_shape(*shape)
    water = place.water[SEASONS.index(scenario.season)]
    canvas = draw_canvas(rng, cells, _shares(rng, scenario, place.land, water))
    contents = tuple(
        fill(
            rng,
            canvas.patches,
            season=scenario.season,
            old=place.old,
            provider=provider,
        )
    )
    parts = mixtures(contents)
    radar_rng = scenario.generator("radar")
    return Frame(
        canvas=canvas,
        lattice=Lattice.between(cells, shape),
        contents=contents,
        edge=_draw_edge(rng, shape),
        climate=climate,
        radar=make_radar(
            radar_rng,
            parts,
            shape=shape,
            canvas=cells,
            incidence=incidence(np.arange(scenario.samples), scenario.samples),
            wind=climate.wind_speed,
            melt=climate.melt,
        ),
        rims=draw_rims(radar_rng, shape),
        cover=parts.cover(),
    )


def _shares(rng: np.random.Generator, scenario: Scenario, land: float, water: float) -> Shares:
    """Land and water of one scene around the means of its region and season.

    The archive holds scenes without land, of water only and without water; the first four scenes of a call hold
    some of everything, so that the smallest sample sets do.
    """
    odd = rng.random(3)
    one_land = float(np.clip(rng.normal(land, 0.12), 0.04, 0.75))
    # A little more than the region's share: seasons take turns here, while the archive has more fall and summer.
    one_water = float(np.clip(rng.normal(water + 0.08 * (1 - water), 0.1), 0.04, 0.93))
    if scenario.frame >= 4:
        if odd[0] < 0.3 and land < 0.3:
            one_land = 0.0
        if odd[1] < 0.15 and water > 0.6:
            one_water = 1.0
        if odd[1] < 0.5 and water < 0.15:
            one_water = 0.0
    likely_fast = {"winter": 0.9, "spring": 0.9, "summer": 0.4, "fall": 0.15}[scenario.season]
    return Shares(land=one_land, water=one_water, fast=bool(odd[2] < likely_fast))


def _draw_edge(rng: np.random.Generator, shape: tuple[int, int]) -> Edge:
    """Half of the charts end inside the image; 2 to 22 % of it then lie outside."""
    angle = float(rng.uniform(0, 2 * np.pi))
    by_line, by_sample = float(np.sin(angle)), float(np.cos(angle))
    uncharted = float(rng.uniform(0.02, 0.22)) if rng.random() < 0.5 else 0.0
    if uncharted == 0.0:
        return Edge(by_line=by_line, by_sample=by_sample, limit=np.inf)
    line, sample = np.meshgrid(np.linspace(0, shape[0], 101), np.linspace(0, shape[1], 101), indexing="ij")
    limit = float(np.quantile(line * by_line + sample * by_sample, 1 - uncharted))
    return Edge(by_line=by_line, by_sample=by_sample, limit=limit)
