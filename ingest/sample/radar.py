"""Backscatter of Sentinel-1 in HH and HV, strip by strip.

A pixel takes its surface from the parts of its polygon by smooth noise, so that ice of five tenths looks like
floes in water. Its level follows from surface, incidence angle, wind and melt, with smooth texture and
multiplicative speckle on top. Levels of neighbouring stages overlap: neither polarization alone tells them apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ingest.sample.spline import Field, Lattice, octaves, white_noise
from ingest.sample.surfaces import BERG, LAND_SURFACE, SURFACES, WATER, Mixtures

LOOKS = 10.0
"""Equivalent number of looks of EW GRDM products."""

_REFERENCE_ANGLE = 34.0  # degrees, mean incidence of the archive
# dB at the reference angle in HH and HV, dB per degree in HH and HV, texture in dB; by surface.
_LEVELS = {
    "water": (-18.8, -29.5, -0.38, -0.12, 0.5),
    "new": (-19.0, -29.5, -0.26, -0.12, 1.5),
    "young": (-13.3, -25.5, -0.22, -0.10, 1.9),
    "thin": (-14.8, -27.6, -0.21, -0.10, 1.4),
    "thick": (-12.2, -24.6, -0.19, -0.09, 1.6),
    "old": (-9.6, -19.6, -0.13, -0.07, 1.6),
    "berg": (-9.0, -19.0, -0.10, -0.05, 3.0),
    "land": (-10.5, -21.0, -0.12, -0.06, 3.2),
}
_NOISE_FLOOR_DB = -32.5  # what is left in HV after thermal-noise removal
_SUBSWATHS = 5
_DB = np.float32(np.log(10) / 10)
_STEPS = np.float32(1024)  # per dB: a full scene is then near 380 MB, as "over 200 GB" of 532 raw scenes say


@dataclass(frozen=True, kw_only=True)
class Radar:
    """Everything of one scene that strips share.

    Attributes:
        thresholds: Upper noise value of the parts of each label, (labels, parts - 1) float32.
        level: dB in HH and HV at the reference angle, (2, labels * parts) float32.
        slope: dB per degree, (2, labels * parts) float32.
        texture: dB, (labels * parts) float32.
        windy: 1 for water, (labels * parts) float32.
        surface: Surface of each part, (labels * parts) int64.
        large: Whether the ice of a label lies in large floes, (labels,) bool.
        angle: Incidence minus reference, (samples,) float32 degrees.
        floor: Noise floor of HV in linear power, (samples,) float32.
        gusts: dB of wind over water, a canvas field and its lattice.
        noises: Standard noises of rising blob width.
        season_contrast: Factor on texture, below 1 in the melt season.
    """

    thresholds: Field
    level: Field
    slope: Field
    texture: Field
    windy: Field
    surface: NDArray[np.int64]
    large: NDArray[np.bool_]
    angle: Field
    floor: Field
    gusts: tuple[Field, Lattice]
    noises: tuple[tuple[Field, Lattice], ...]

    def strip(self, rng: np.random.Generator, labels: NDArray[np.int16], start: int, stop: int) -> tuple[Field, Field]:
        """HH and HV in dB at lines start..stop: two arrays (stop - start, samples) float32, no NaN.

        Args:
            rng: Stream of this strip, for its speckle.
            labels: Canvas label of each pixel, (stop - start, samples) int16.
            start: First line.
            stop: Line after the last.
        """
        fine, middle, coarse, rough = (lattice.field(grid, start, stop) for grid, lattice in self.noises)
        floes = np.where(self.large.take(labels), 0.4 * middle + 0.917 * coarse, 0.5 * fine + 0.866 * middle)
        part = np.zeros(labels.shape, dtype=np.int64)
        for limit in self.thresholds.T:
            part += floes > limit.take(labels)
        part += labels.astype(np.int64) * (self.thresholds.shape[1] + 1)
        del floes, middle
        grid, lattice = self.gusts
        wind = self.windy.take(part) * lattice.field(grid, start, stop)
        grain = self.texture.take(part)
        texture = (0.8 * rough + 0.6 * fine, 0.55 * rough + 0.45 * fine + 0.7 * coarse)
        out = []
        for pol, response in enumerate((1.0, 0.45)):
            decibel = self.level[pol].take(part) + self.slope[pol].take(part) * self.angle
            decibel += grain * texture[pol] + np.float32(response) * wind
            speckle = rng.standard_gamma(LOOKS, part.shape, dtype=np.float32) / np.float32(LOOKS)
            power = np.exp(decibel * _DB) * speckle
            if pol == 1:
                power += self.floor * rng.standard_exponential(part.shape, dtype=np.float32)
            out.append(power)
        self._add_bergs(rng, part, out)
        hh, hv = (np.round(np.log(power) / _DB * _STEPS) / _STEPS for power in out)
        return hh, hv

    def _add_bergs(self, rng: np.random.Generator, part: NDArray[np.int64], powers: list[Field]) -> None:
        """Bright points in the water: single bergs and ships."""
        count = int(rng.poisson(4e-6 * part.size))
        at = rng.integers(0, part.size, count)
        at = at[self.surface[part.ravel()[at]] == WATER]
        strength = rng.gamma(2.0, 0.5, at.size).astype(np.float32)
        powers[0].reshape(-1)[at] += strength
        powers[1].reshape(-1)[at] += np.float32(0.12) * strength


def make_radar(
    rng: np.random.Generator,
    parts: Mixtures,
    *,
    shape: tuple[int, int],
    canvas: tuple[int, int],
    incidence: NDArray[np.float64],
    wind: float,
    melt: float,
) -> Radar:
    """Draws what strips share.

    Args:
        rng: Source of randomness.
        parts: Parts of land and polygons.
        shape: Lines and samples.
        canvas: Cells of the canvas.
        incidence: Degrees, (samples,).
        wind: Mean wind speed, m/s; rough water is bright in HH, less so in HV.
        melt: 0 in the cold to 1 in full melt, when wet snow hides the ice below.
    """
    table = np.array([_LEVELS[name] for name in SURFACES])
    level, slope, texture = table[:, :2].copy(), table[:, 2:4], table[:, 4] * (1 - 0.3 * melt)
    level[WATER] += (0.8 * (wind - 6), 0.25 * (wind - 6))
    ice = np.arange(1, BERG)
    wet = level[ice].mean(axis=0) - (1.5, 1.5)
    level[ice] = (1 - 0.5 * melt) * level[ice] + 0.5 * melt * wet
    by_part = level[parts.surface]
    frozen = (parts.surface != WATER) & (parts.surface != LAND_SURFACE)
    shift = rng.normal(0, 0.8, parts.surface.shape)
    by_part[..., 0] += frozen * shift
    by_part[..., 1] += frozen * (0.6 * shift + rng.normal(0, 0.6, shift.shape))
    by_part[parts.fast] -= (1.2, 0.8)  # level ice
    upper = np.cumsum(parts.share, axis=1)[:, :-1]
    subswath = np.linspace(0, _SUBSWATHS, incidence.size) % 1.0
    floor = 10 ** ((_NOISE_FLOOR_DB + 1.5 * np.abs(subswath - 0.5) * 2) / 10)
    side = min(shape)
    widths = (3.0, min(12.0, side / 12), min(48.0, side / 6), min(9.0, side / 14))
    gusts = octaves(rng, canvas, {0.4: 1.0, 0.15: 0.5, 0.05: 0.15}) * np.float32(1.5)
    return Radar(
        thresholds=ndtri(np.clip(upper, 0.0, 1.0)).astype(np.float32),
        level=np.moveaxis(by_part, -1, 0).reshape(2, -1).astype(np.float32),
        slope=np.moveaxis(slope[parts.surface], -1, 0).reshape(2, -1).astype(np.float32),
        texture=texture[parts.surface].ravel().astype(np.float32),
        windy=(parts.surface == WATER).ravel().astype(np.float32),
        surface=parts.surface.ravel(),
        large=parts.large,
        angle=(incidence - _REFERENCE_ANGLE).astype(np.float32),
        floor=floor.astype(np.float32),
        gusts=(gusts, Lattice.between(canvas, shape)),
        noises=tuple(white_noise(rng, shape, width) for width in widths),
    )


@dataclass(frozen=True, kw_only=True)
class Rim:
    """Pixels without data at the border of an image, in pixels from each side.

    Attributes:
        left: By line, (lines,) int64.
        right: By line.
        top: By sample, (samples,) int64.
        bottom: By sample.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]

    def strip(self, start: int, stop: int) -> NDArray[np.bool_]:
        """True where there is no data, at lines start..stop: (stop - start, samples)."""
        line = np.arange(start, stop)[:, None]
        sample = np.arange(self.top.size)[None, :]
        outside = (sample < self.left[start:stop, None]) | (sample >= self.top.size - self.right[start:stop, None])
        return outside | (line < self.top) | (line >= self.left.size - self.bottom)


def draw_rims(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Rim, Rim]:
    """Rims of HH and HV: 0.6 to 2.8 % of the image, slanted and stepped; HV differs in a third of the scenes."""
    lines, samples = shape
    share = float(rng.uniform(0.006, 0.028))
    left, right = (_profile(rng, lines, share * s * samples) for s in (0.35, 0.25))
    top, bottom = (_profile(rng, samples, share * 0.2 * lines) for _ in range(2))
    hh = Rim(left=left, right=right, top=top, bottom=bottom)
    if rng.random() < 0.67:
        return hh, hh
    wider = right + (np.arange(lines) < lines * rng.uniform(0.1, 0.9))
    return hh, Rim(left=left, right=wider, top=top, bottom=bottom)


def _profile(rng: np.random.Generator, n: int, mean: float) -> NDArray[np.int64]:
    """Slanted border with steps where subswaths meet; `mean` pixels deep, at least 1 somewhere."""
    along = np.linspace(0, 1, n)
    depth = 1 + float(rng.choice([-1, 1])) * rng.uniform(0.5, 0.95) * (2 * along - 1)
    steps = rng.uniform(-0.3, 0.3, _SUBSWATHS)[np.minimum((along * _SUBSWATHS).astype(int), _SUBSWATHS - 1)]
    # Fractions of a pixel become pixels here and there, so that small scenes keep the share.
    ragged = rng.random(-(-n // 8)).repeat(8)[:n]
    profile: NDArray[np.int64] = np.floor(np.clip(depth + steps, 0, None) * mean + ragged).astype(np.int64)
    return profile
