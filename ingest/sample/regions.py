"""The 16 ice-chart regions as the generator sees them: where, when, and how much ice.

Shares are means over the class counts of 400 published scenes, rounded; positions and overpass hours are
those of the region's typical scene.
"""

from typing import Literal, NamedTuple

from datasets.seasons import SEASONS, Season
from ingest.source import Provider

Direction = Literal["ascending", "descending"]


class Region(NamedTuple):
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

    def months_of(self, season: Season) -> list[int]:
        """Charted months of a season."""
        return [month for month in self.months if SEASONS[month % 12 // 3] == season]


_YEAR = tuple(range(1, 13))
_BOTH_EAST: dict[Direction, int] = {"descending": 8, "ascending": 18}
_BOTH_WEST: dict[Direction, int] = {"descending": 10, "ascending": 21}

REGION_TABLE: dict[str, Region] = {
    "CapeFarewell": Region(59.8, -44.5, 1.2, {"ascending": 20}, (2, *_YEAR[3:]), 0.22, (0.88, 0.85, 0.93, 0.95), 0.9),
    "CentralEast": Region(71.0, -19.5, 2.0, _BOTH_EAST, _YEAR, 0.33, (0.28, 0.41, 0.74, 0.67), 0.4),
    "CentralWest": Region(68.5, -56.0, 1.5, _BOTH_WEST, _YEAR, 0.4, (0.23, 0.1, 0.69, 0.93), 0.0),
    "North": Region(82.4, -28.0, 0.8, {"descending": 8}, _YEAR, 0.22, (0.13, 0.05, 0.08, 0.2), 0.85),
    "NorthAndCentralEast": Region(75.0, -15.0, 1.0, {"ascending": 18}, (10, 11), 0.4, (0.2, 0.2, 0.2, 0.12), 0.42),
    "NorthEast": Region(
        78.5, -10.0, 1.5, {"descending": 8, "ascending": 17}, _YEAR[1:], 0.22, (0.29, 0.2, 0.31, 0.38), 0.65
    ),
    "NorthWest": Region(73.5, -60.0, 1.5, _BOTH_WEST, _YEAR, 0.42, (0.05, 0.04, 0.52, 0.81), 0.0),
    "Qaanaaq": Region(
        77.0, -71.0, 1.2, {"descending": 11, "ascending": 21}, _YEAR, 0.42, (0.03, 0.03, 0.63, 0.83), 0.02
    ),
    "SGRDIEA": Region(72.0, -69.0, 4.0, _BOTH_WEST, _YEAR[:11], 0.28, (0.4, 0.58, 0.71, 0.74), 0.1),
    "SGRDIFOXE": Region(67.0, -79.0, 2.0, {"descending": 11}, _YEAR, 0.42, (0.05, 0.19, 0.64, 0.86), 0.0),
    "SGRDIHA": Region(77.5, -92.0, 1.5, {"descending": 12}, (8, 9, 10), 0.48, (0.2, 0.2, 0.8, 0.64), 0.58),
    "SGRDIMID": Region(72.5, -90.0, 2.5, {"descending": 12}, (7, 8, 9, 10), 0.5, (0.2, 0.2, 0.63, 0.64), 0.35),
    "SGRDINFLD": Region(52.0, -54.0, 3.0, _BOTH_WEST, _YEAR[:6], 0.28, (0.34, 0.58, 0.82, 0.9), 0.0),
    "SGRDIWA": Region(72.0, -141.0, 3.0, {"descending": 15}, (8, 9, 10), 0.4, (0.1, 0.1, 0.46, 0.48), 0.8),
    "SouthEast": Region(
        65.0, -37.0, 1.5, {"descending": 8, "ascending": 19}, _YEAR, 0.35, (0.39, 0.73, 0.85, 0.95), 0.75
    ),
    "SouthWest": Region(62.5, -51.0, 1.5, {"ascending": 21}, _YEAR, 0.28, (0.85, 0.72, 0.85, 0.95), 0.0),
}


def provider_of(region: str) -> Provider:
    """Ice service that charts a region."""
    return "cis" if region.startswith("SGRDI") else "dmi"
