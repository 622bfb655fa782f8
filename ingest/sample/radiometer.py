"""AMSR2 brightness temperatures on the 2 km grid, of one swath."""

from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ingest.sample.scenario import Scenario
from ingest.sample.surfaces import SURFACES, WATER

# Name, footprint (standard deviation in cells of a whole scene), and brightness in K by surface in H and V:
# water is cold and polarized at low frequencies, old ice cold at high ones.
# Columns in the order of SURFACES: water, new, young, thin, thick, old, land.
_BANDS: dict[str, tuple[float, tuple[float, ...], tuple[float, ...]]] = {
    "6_9": (9.0, (80, 150, 200, 225, 233, 228, 230), (160, 210, 240, 251, 254, 250, 246)),
    "7_3": (8.5, (81, 151, 201, 226, 234, 228, 230), (161, 210, 240, 251, 254, 250, 246)),
    "10_7": (6.0, (85, 158, 206, 229, 236, 226, 231), (168, 214, 242, 252, 255, 247, 247)),
    "18_7": (3.2, (99, 172, 214, 234, 238, 218, 233), (184, 222, 245, 253, 254, 236, 248)),
    "23_8": (3.8, (117, 180, 217, 235, 237, 210, 234), (194, 225, 245, 252, 252, 227, 248)),
    "36_5": (1.9, (132, 188, 219, 235, 233, 192, 233), (207, 229, 245, 250, 246, 206, 247)),
    "89_0": (0.9, (176, 211, 224, 229, 219, 183, 231), (236, 239, 240, 238, 228, 193, 240)),
}
CHANNELS = tuple(f"btemp_{band}{pol}" for band in _BANDS for pol in "hv")
"""The 14 channels in file order."""

_WHOLE_SCENE_CELLS = 208  # samples of the 2 km grid of a whole scene
_STEP = 128.0  # brightness is stored in steps of 1/128 K
# K per kg/m2 of vapour over water, beyond the 5 kg/m2 of the table.
_VAPOUR = {"6_9": 0.1, "7_3": 0.1, "10_7": 0.2, "18_7": 1.2, "23_8": 2.6, "36_5": 0.9, "89_0": 1.6}
_CLOUD = {"6_9": 8.0, "7_3": 8.0, "10_7": 20.0, "18_7": 50.0, "23_8": 55.0, "36_5": 90.0, "89_0": 70.0}


def draw_swath(scenario: Scenario) -> tuple[str, int]:
    """File name of an AMSR2 half orbit within four hours of the SAR image, and its delay in seconds."""
    rng = scenario.generator("swaths")
    delay = int(rng.integers(300, 14_400))
    # The name carries the start of the half orbit, about 69 minutes before it passes the Arctic.
    began = scenario.name.start - timedelta(seconds=delay, minutes=69)
    orbit = f"{int(rng.integers(1, 234)):03d}{rng.choice(['A', 'D'])}"
    return f"GW1AM2_{began:%Y%m%d%H%M}_{orbit}_L1SGBTBR_2220220.h5", delay


def amsr2(
    scenario: Scenario, cover: NDArray[np.float64], *, weather: dict[str, NDArray[np.float64]], melt: float
) -> dict[str, NDArray[Any]]:
    """What AMSR2 gives, (2 km lines, 2 km samples) each.

    Args:
        scenario: Its random stream.
        cover: Share of each surface, (2 km lines, 2 km samples, surfaces).
        weather: ERA5 fields of the same grid.
        melt: 0 cold to 1 melt, when old ice loses its signature.

    Returns:
        The 14 channels in K, float64 multiples of 1/128 K, H below V; then both swath maps, uint8.
    """
    rng = scenario.generator("amsr2")
    scale = cover.shape[1] / _WHOLE_SCENE_CELLS
    wind = np.hypot(weather["u10m_rotated"], weather["v10m_rotated"])
    # Snow and ice are colder than the table's 262 K in winter, up to melting in summer.
    chill = 0.55 * (np.clip(weather["skt"], 235, 273.15) - 262)
    old, thick = SURFACES.index("old"), SURFACES.index("thick")
    found: dict[str, NDArray[Any]] = {}
    for band, (footprint, *levels) in _BANDS.items():
        seen = ndimage.gaussian_filter(cover, sigma=(footprint * scale, footprint * scale, 0), mode="nearest")
        frozen = 1 - seen[..., WATER]
        common = rng.normal(0, 0.25, wind.shape)
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
    # As in the archive: of one swath, the first map says nothing.
    maps = {"amsr2_swath_map": np.full(wind.shape, 255, np.uint8), "swath_segmentation": np.zeros(wind.shape, np.uint8)}
    return {**found, **maps}
