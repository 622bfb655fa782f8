"""The 16 ice-chart regions as the generator sees them: where, when, and how much ice.

Shares are means over the class counts of 400 published scenes, rounded; positions and overpass hours are
those of the region's typical scene.
"""

from dataclasses import dataclass
from typing import Literal

from ingest.source import Provider

Direction = Literal["ascending", "descending"]


@dataclass(frozen=True, kw_only=True)
class Region:
    """Climate of one ice-chart region.

    Attributes:
        latitude: Centre, degrees north.
        longitude: Centre, degrees east.
        spread: Largest shift of a scene centre from there, degrees of latitude.
        hours: UTC hour of the overpasses by direction of flight.
        months: Months in which the service charted it.
        land: Mean share of land in a scene.
        water: Mean share of open water in the charted sea: winter, spring, summer, fall.
        old: Share of old ice in the ice.
    """

    latitude: float
    longitude: float
    spread: float
    hours: dict[Direction, int]
    months: tuple[int, ...]
    land: float
    water: tuple[float, float, float, float]
    old: float


_YEAR = tuple(range(1, 13))

REGION_TABLE: dict[str, Region] = {
    "CapeFarewell": Region(
        latitude=59.8, longitude=-44.5, spread=1.2, hours={"ascending": 20}, months=(2, *range(4, 13)),
        land=0.22, water=(0.88, 0.85, 0.93, 0.95), old=0.9,
    ),
    "CentralEast": Region(
        latitude=71.0, longitude=-19.5, spread=2.0, hours={"descending": 8, "ascending": 18}, months=_YEAR,
        land=0.33, water=(0.28, 0.41, 0.74, 0.67), old=0.4,
    ),
    "CentralWest": Region(
        latitude=68.5, longitude=-56.0, spread=1.5, hours={"descending": 10, "ascending": 21}, months=_YEAR,
        land=0.4, water=(0.23, 0.1, 0.69, 0.93), old=0.0,
    ),
    "North": Region(
        latitude=82.4, longitude=-28.0, spread=0.8, hours={"descending": 8}, months=_YEAR,
        land=0.22, water=(0.13, 0.05, 0.08, 0.2), old=0.85,
    ),
    "NorthAndCentralEast": Region(
        latitude=75.0, longitude=-15.0, spread=1.0, hours={"ascending": 18}, months=(10, 11),
        land=0.4, water=(0.2, 0.2, 0.2, 0.12), old=0.42,
    ),
    "NorthEast": Region(
        latitude=78.5, longitude=-10.0, spread=1.5, hours={"descending": 8, "ascending": 17},
        months=tuple(range(2, 13)), land=0.22, water=(0.29, 0.2, 0.31, 0.38), old=0.65,
    ),
    "NorthWest": Region(
        latitude=73.5, longitude=-60.0, spread=1.5, hours={"descending": 10, "ascending": 21}, months=_YEAR,
        land=0.42, water=(0.05, 0.04, 0.52, 0.81), old=0.0,
    ),
    "Qaanaaq": Region(
        latitude=77.0, longitude=-71.0, spread=1.2, hours={"descending": 11, "ascending": 21}, months=_YEAR,
        land=0.42, water=(0.03, 0.03, 0.63, 0.83), old=0.02,
    ),
    "SGRDIEA": Region(
        latitude=72.0, longitude=-69.0, spread=4.0, hours={"descending": 10, "ascending": 21},
        months=tuple(range(1, 12)), land=0.28, water=(0.4, 0.58, 0.71, 0.74), old=0.1,
    ),
    "SGRDIFOXE": Region(
        latitude=67.0, longitude=-79.0, spread=2.0, hours={"descending": 11}, months=_YEAR,
        land=0.42, water=(0.05, 0.19, 0.64, 0.86), old=0.0,
    ),
    "SGRDIHA": Region(
        latitude=77.5, longitude=-92.0, spread=1.5, hours={"descending": 12}, months=(8, 9, 10),
        land=0.48, water=(0.2, 0.2, 0.8, 0.64), old=0.58,
    ),
    "SGRDIMID": Region(
        latitude=72.5, longitude=-90.0, spread=2.5, hours={"descending": 12}, months=(7, 8, 9, 10),
        land=0.5, water=(0.2, 0.2, 0.63, 0.64), old=0.35,
    ),
    "SGRDINFLD": Region(
        latitude=52.0, longitude=-54.0, spread=3.0, hours={"descending": 10, "ascending": 21},
        months=tuple(range(1, 7)), land=0.28, water=(0.34, 0.58, 0.82, 0.9), old=0.0,
    ),
    "SGRDIWA": Region(
        latitude=72.0, longitude=-141.0, spread=3.0, hours={"descending": 15}, months=(8, 9, 10),
        land=0.4, water=(0.1, 0.1, 0.46, 0.48), old=0.8,
    ),
    "SouthEast": Region(
        latitude=65.0, longitude=-37.0, spread=1.5, hours={"descending": 8, "ascending": 19}, months=_YEAR,
        land=0.35, water=(0.39, 0.73, 0.85, 0.95), old=0.75,
    ),
    "SouthWest": Region(
        latitude=62.5, longitude=-51.0, spread=1.5, hours={"ascending": 21}, months=_YEAR,
        land=0.28, water=(0.85, 0.72, 0.85, 0.95), old=0.0,
    ),
}  # fmt: skip

CHARTED_TWICE: dict[str, str] = {"Qaanaaq": "SGRDIEA", "NorthWest": "SGRDIEA", "CentralWest": "SGRDIEA"}
"""Danish regions that a Canadian chart overlaps: one SAR frame may carry a chart of each service."""


def provider_of(region: str) -> Provider:
    """Ice service that charts a region."""
    return "cis" if region.startswith("SGRDI") else "dmi"
