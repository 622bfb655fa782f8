"""Backscatter of Sentinel-1 in HH and HV.

A pixel takes its surface from the parts of its polygon by smooth noise, so that ice of five tenths looks like
floes in water. Its level follows from surface, incidence angle, wind and melt, with smooth texture and
multiplicative speckle on top. Levels of neighbouring stages overlap: neither polarization alone tells them apart.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ingest.sample.geography import incidence
from ingest.sample.polygons import coarse_shape
from ingest.sample.scenario import Scenario
from ingest.sample.smooth_fields import Field, SmoothField, octaves, white_noise
from ingest.sample.surfaces import LAND_SURFACE, SURFACES, WATER, Mixtures
from ingest.sample.weather import Climate

_LOOKS = np.float32(10.0)  # equivalent number of looks of EW GRDM products
_REFERENCE_ANGLE = 34.0  # degrees, mean incidence of the archive
# dB at the reference angle in HH and HV, dB per degree in HH and HV, texture in dB; by surface.
_LEVELS = {
    "water": (-18.8, -29.5, -0.38, -0.12, 0.5),
    "new": (-19.0, -29.5, -0.26, -0.12, 1.5),
    "young": (-13.3, -25.5, -0.22, -0.10, 1.9),
    "thin": (-14.8, -27.6, -0.21, -0.10, 1.4),
    "thick": (-12.2, -24.6, -0.19, -0.09, 1.6),
    "old": (-9.6, -19.6, -0.13, -0.07, 1.6),
    "land": (-10.5, -21.0, -0.12, -0.06, 3.2),
}
_NOISE_FLOOR_DB = -32.5  # what is left in HV after thermal-noise removal
_SUBSWATHS = 5
_DB = np.float32(np.log(10) / 10)
_STEPS = np.float32(1024)  # per dB: a full scene is then near 380 MB, as "over 200 GB" of 532 raw scenes say
_STRIP = 250  # lines at once


def backscatter(
    scenario: Scenario, labels: NDArray[np.int16], parts: Mixtures, climate: Climate
) -> NDArray[np.float32]:
    """HH and HV in dB: (2, lines, samples) float32, NaN where the border of the image has no data.

    Args:
        scenario: Size and random streams; each strip of lines has its own speckle.
        labels: Label of each pixel, (lines, samples) int16.
        parts: Parts of land and polygons.
        climate: Wind, which makes water bright in HH and less so in HV, and melt, when wet snow hides the ice.
    """
    rng = scenario.generator("radar")
    lines, samples = shape = scenario.lines, scenario.samples
    levels, slopes = _levels(rng, parts, climate)
    texture = np.array([_LEVELS[name][4] for name in SURFACES]) * (1 - 0.3 * climate.melt)
    textures = texture[parts.surface].ravel().astype(np.float32)
    windy = (parts.surface == WATER).ravel().astype(np.float32)
    thresholds = ndtri(np.clip(np.cumsum(parts.share, axis=1)[:, :-1], 0.0, 1.0)).astype(np.float32)
    angle = (incidence(np.arange(samples), samples) - _REFERENCE_ANGLE).astype(np.float32)
    subswath = np.linspace(0, _SUBSWATHS, samples) % 1.0
    floor = (10 ** ((_NOISE_FLOOR_DB + 1.5 * np.abs(subswath - 0.5) * 2) / 10)).astype(np.float32)
    gusts = SmoothField(octaves(rng, coarse_shape(*shape), {0.4: 1.0, 0.15: 0.5, 0.05: 0.15}) * np.float32(1.5), shape)
    side = min(shape)
    widths = (3.0, min(12.0, side / 12), min(48.0, side / 6), min(9.0, side / 14))
    noises = [white_noise(rng, shape, width) for width in widths]

    result = np.empty((2, lines, samples), dtype=np.float32)
    for number, start in enumerate(range(0, lines, _STRIP)):
        stop = min(start + _STRIP, lines)
        polygon = labels[start:stop]
        fine, middle, large, rough = (noise.strip(start, stop) for noise in noises)
        floes = np.where(parts.large.take(polygon), 0.4 * middle + 0.917 * large, 0.5 * fine + 0.866 * middle)
        part = polygon.astype(np.int64) * parts.surface.shape[1]
        for limit in thresholds.T:
            part += floes > limit.take(polygon)
        wind = windy.take(part) * gusts.strip(start, stop)
        grain = textures.take(part)
        grains = (0.8 * rough + 0.6 * fine, 0.55 * rough + 0.45 * fine + 0.7 * large)
        random = scenario.generator("speckle", strip=number)
        powers = []
        for pol, response in enumerate((1.0, 0.45)):
            decibel = levels[pol].take(part) + slopes[pol].take(part) * angle
            decibel += grain * grains[pol] + np.float32(response) * wind
            powers.append(np.exp(decibel * _DB) * (random.standard_gamma(_LOOKS, part.shape, np.float32) / _LOOKS))
        powers[1] += floor * random.standard_exponential(part.shape, dtype=np.float32)
        result[:, start:stop] = np.round(np.log(powers) / _DB * _STEPS) / _STEPS
    result[_no_data(rng, shape)] = np.nan
    return result


def _levels(rng: np.random.Generator, parts: Mixtures, climate: Climate) -> tuple[Field, Field]:
    """DB at the reference angle and dB per degree of every part: (2, labels * parts) float32 each, HH and HV."""
    table = np.array([_LEVELS[name] for name in SURFACES])
    level, melt, ice = table[:, :2], climate.melt, slice(1, LAND_SURFACE)
    level[WATER] += np.array((0.8, 0.25)) * (climate.wind_speed - 6)
    wet = level[ice].mean(axis=0) - 1.5
    level[ice] = (1 - 0.5 * melt) * level[ice] + 0.5 * melt * wet
    by_part = level[parts.surface]
    frozen = (parts.surface != WATER) & (parts.surface != LAND_SURFACE)
    shift = rng.normal(0, 0.8, parts.surface.shape)
    by_part[..., 0] += frozen * shift
    by_part[..., 1] += frozen * (0.6 * shift + rng.normal(0, 0.6, shift.shape))
    by_part[parts.fast] -= (1.2, 0.8)  # level ice
    levels, slopes = (
        np.moveaxis(values, -1, 0).reshape(2, -1).astype(np.float32) for values in (by_part, table[parts.surface, 2:4])
    )
    return levels, slopes


def _no_data(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Where HH and HV have no data at the border of an image: (2, lines, samples) bool.

    0.6 to 2.8 % of the image, slanted; HV differs in a third of the scenes.
    """
    lines, samples = shape
    share = float(rng.uniform(0.006, 0.028))
    left, right = (_border(rng, lines, share * s * samples)[:, None] for s in (0.35, 0.25))
    top, bottom = (_border(rng, samples, share * 0.2 * lines) for _ in range(2))
    line, sample = np.ogrid[:lines, :samples]
    hh = (sample < left) | (sample >= samples - right) | (line < top) | (line >= lines - bottom)
    hv = hh.copy()
    if rng.random() >= 0.67:
        hv |= (sample >= samples - right - 1) & (line < lines * rng.uniform(0.1, 0.9))
    return np.stack([hh, hv])


def _border(rng: np.random.Generator, n: int, mean: float) -> NDArray[np.int64]:
    """Depth in pixels of a slanted border, `mean` on average: (n,) int64."""
    depth = mean * (1 + rng.uniform(-0.95, 0.95) * np.linspace(-1, 1, n))
    # Fractions of a pixel become pixels here and there, so that small scenes keep the share.
    return np.floor(depth + rng.random(n)).astype(np.int64)
