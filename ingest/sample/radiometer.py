"""AMSR2 brightness temperatures on the 2 km grid, and which swath they came from."""

from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ingest.sample.scenario import Scenario
from ingest.sample.smooth_fields import plane
from ingest.sample.surfaces import SURFACES, WATER

# Name, footprint (standard deviation in cells of a whole scene), and brightness in K by surface in H and V:
# water is cold and polarized at low frequencies, old ice cold at high ones.
# Columns in the order of SURFACES: water, new, young, thin, thick, old, berg, land.
_BANDS: dict[str, tuple[float, tuple[float, ...], tuple[float, ...]]] = {
    "6_9": (9.0, (80, 150, 200, 225, 233, 228, 190, 230), (160, 210, 240, 251, 254, 250, 230, 246)),
    "7_3": (8.5, (81, 151, 201, 226, 234, 228, 190, 230), (161, 210, 240, 251, 254, 250, 230, 246)),
    "10_7": (6.0, (85, 158, 206, 229, 236, 226, 190, 231), (168, 214, 242, 252, 255, 247, 229, 247)),
    "18_7": (3.2, (99, 172, 214, 234, 238, 218, 188, 233), (184, 222, 245, 253, 254, 236, 222, 248)),
    "23_8": (3.8, (117, 180, 217, 235, 237, 210, 186, 234), (194, 225, 245, 252, 252, 227, 216, 248)),
    "36_5": (1.9, (132, 188, 219, 235, 233, 192, 180, 233), (207, 229, 245, 250, 246, 206, 205, 247)),
    "89_0": (0.9, (176, 211, 224, 229, 219, 183, 190, 231), (236, 239, 240, 238, 228, 193, 205, 240)),
}
CHANNELS = tuple(f"btemp_{band}{pol}" for band in _BANDS for pol in "hv")
"""The 14 channels in file order."""

_WHOLE_SCENE_CELLS = 208  # samples of the 2 km grid of a whole scene
_STEP = 128.0  # brightness is stored in steps of 1/128 K
# K per kg/m2 of vapour over water, beyond the 5 kg/m2 of the table.
_VAPOUR = {"6_9": 0.1, "7_3": 0.1, "10_7": 0.2, "18_7": 1.2, "23_8": 2.6, "36_5": 0.9, "89_0": 1.6}
_CLOUD = {"6_9": 8.0, "7_3": 8.0, "10_7": 20.0, "18_7": 50.0, "23_8": 55.0, "36_5": 90.0, "89_0": 70.0}


def draw_swaths(scenario: Scenario) -> dict[str, int]:
    """File names of one or two AMSR2 half orbits within four hours of the SAR image, and their delay in seconds."""
    rng = scenario.generator("swaths")
    delays = sorted(int(d) for d in rng.integers(300, 14_400, 1 if rng.random() < 0.6 else 2))
    swaths = {}
    for delay in delays:
        # Names carry the start of the half orbit, about 69 minutes before it passes the Arctic.
        began = scenario.name.start - timedelta(seconds=delay, minutes=69)
        orbit = f"{int(rng.integers(1, 234)):03d}{rng.choice(['A', 'D'])}"
        swaths[f"GW1AM2_{began:%Y%m%d%H%M}_{orbit}_L1SGBTBR_2220220.h5"] = delay
    return swaths


def amsr2(
    scenario: Scenario, cover: NDArray[np.float64], *, weather: dict[str, NDArray[np.float64]], melt: float
) -> dict[str, NDArray[Any]]:
    """What AMSR2 gives, (2 km lines, 2 km samples) each.

    Args:
        scenario: Its random stream, and its swaths; two swaths differ by a small bias.
        cover: Share of each surface, (2 km lines, 2 km samples, surfaces).
        weather: ERA5 fields of the same grid.
        melt: 0 cold to 1 melt, when old ice loses its signature.

    Returns:
        The 14 channels in K, float64 multiples of 1/128 K, H below V; then both swath maps, uint8.
    """
    rng = scenario.generator("amsr2")
    swath_map, swath = _swath_maps(rng, len(draw_swaths(scenario)), cover.shape[:2])
    scale = cover.shape[1] / _WHOLE_SCENE_CELLS
    wind = np.hypot(weather["u10m_rotated"], weather["v10m_rotated"])
    # Snow and ice are colder than the table's 262 K in winter, up to melting in summer.
    chill = 0.55 * (np.clip(weather["skt"], 235, 273.15) - 262)
    old, thick = SURFACES.index("old"), SURFACES.index("thick")
    bias = rng.normal(0, 0.6) * (swath == 1)
    found: dict[str, NDArray[Any]] = {}
    for band, (footprint, *levels) in _BANDS.items():
        seen = ndimage.gaussian_filter(cover, sigma=(footprint * scale, footprint * scale, 0), mode="nearest")
        frozen = 1 - seen[..., WATER]
        common = bias + rng.normal(0, 0.25, wind.shape)
        vapour = _VAPOUR[band] * np.clip(weather["tcwv"] - 5, -4, 12) + _CLOUD[band] * weather["tclw"]
        for pol, level, by_wind, by_vapour in zip("hv", levels, (0.9, 0.3), (1.0, 0.6), strict=True):
            kelvin = np.array(level, dtype=np.float64)
            kelvin[old] += 0.75 * melt * (kelvin[thick] - kelvin[old])
            value = seen @ kelvin + frozen * chill + common + rng.normal(0, 0.1, wind.shape)
            value += seen[..., WATER] * (by_wind * (wind - 5) + by_vapour * vapour)
            found[f"btemp_{band}{pol}"] = np.round(value * _STEP) / _STEP
        # Heavy cloud closes the gap between the polarizations but never turns it.
        horizontal, vertical = found[f"btemp_{band}h"], found[f"btemp_{band}v"]
        np.minimum(horizontal, vertical - 2.0, out=horizontal)
    # The archive holds very few cells without data, and not the same in every channel.
    if rng.random() < 0.1:
        values = found[CHANNELS[int(rng.integers(len(CHANNELS)))]]
        values[0, -min(int(rng.integers(1, 4)), values.shape[1] - 1) :] = np.nan
    return {**found, "amsr2_swath_map": swath_map, "swath_segmentation": swath}


def _swath_maps(
    rng: np.random.Generator, swaths: int, shape: tuple[int, ...]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """`amsr2_swath_map` and `swath_segmentation`: (2 km lines, 2 km samples) uint8.

    One swath: 255 (not told) and 0 everywhere, as in the archive. Two: which swath filled a cell, in both.
    """
    if swaths == 1:
        return np.full(shape, 255, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
    angle = rng.uniform(0, np.pi)
    line, sample = shape * rng.uniform(0.3, 0.7, 2)  # a point of the border
    second = (plane((shape[0], shape[1]), angle) > line * np.sin(angle) + sample * np.cos(angle)).astype(np.uint8)
    return second, second
