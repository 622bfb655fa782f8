"""ERA5 fields on the 2 km grid: smooth, seasonal, a little different over ice and water.

Spread between scenes is larger than within one, as in the archive (t2m 9.5 K in all, 3.0 K within a scene).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ingest.sample.scenario import Scenario
from ingest.sample.smooth_fields import octaves

_FREEZING = 273.15
_SEA_FREEZING = 271.35


@dataclass(frozen=True, kw_only=True)
class Climate:
    """Mean weather of one scene.

    Attributes:
        air: 2 m air temperature, K.
        wind: Components along the image axes, m/s.
        vapour: Total column water vapour, kg/m2.
        cloud: Total cloud liquid water, kg/m2.
    """

    air: float
    wind: tuple[float, float]
    vapour: float
    cloud: float

    @property
    def wind_speed(self) -> float:
        """Mean wind speed, m/s."""
        return float(np.hypot(*self.wind))

    @property
    def melt(self) -> float:
        """0 below about -4 degrees Celsius to 1 above 0."""
        return float(np.clip((self.air - 269.0) / 4.0, 0, 1))


def draw_climate(scenario: Scenario) -> Climate:
    """Weather of a scene by its latitude and month."""
    rng = scenario.generator("climate")
    north = scenario.centre.latitude - 60
    season = np.cos(2 * np.pi * (scenario.name.start.month - 7.4) / 12)
    air = 274.5 - 0.75 * north + (6.0 + 0.42 * north) * season + rng.normal(0, 2.5)
    air = float(min(air, 281.0))  # air over melting ice stays near freezing
    return Climate(
        air=air,
        wind=(float(rng.normal(0.6, 4.2)), float(rng.normal(0.6, 4.6))),
        vapour=float(6.0 * np.exp((air - 268) / 11) * rng.lognormal(0, 0.3)),
        cloud=float(rng.gamma(0.5, 0.08)),
    )


def era5(rng: np.random.Generator, climate: Climate, water: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Six float64 fields (2km_grid_lines, 2km_grid_samples): m/s, K, kg/m2.

    Args:
        rng: Source of the fields.
        climate: Means of the scene.
        water: Share of open water in each cell.
    """
    shape = water.shape

    def smooth(spread: float) -> NDArray[np.float64]:
        return spread * octaves(rng, (shape[0], shape[1]), {0.8: 1.0, 0.4: 0.5}).astype(np.float64)

    # ERA5 cells are 31 km, far coarser than the grid; the sea warms the cold air above it.
    near = ndimage.gaussian_filter(water, sigma=0.06 * max(shape), mode="nearest")
    warming = np.clip(_SEA_FREEZING - climate.air, 0, 14)
    air = climate.air + warming * (0.7 * near - 0.15) + smooth(2.0)
    surface = near * np.maximum(_SEA_FREEZING + 0.5, air) + (1 - near) * np.minimum(air - 0.8, _FREEZING)
    return {
        "u10m_rotated": climate.wind[0] + smooth(2.2),
        "v10m_rotated": climate.wind[1] + smooth(2.2),
        "t2m": air,
        "skt": surface + smooth(0.5),
        "tcwv": np.maximum(climate.vapour + smooth(0.12 * climate.vapour), 0.3),
        "tclw": np.maximum(climate.cloud + smooth(0.02 + 0.5 * climate.cloud), 0.0),
    }
