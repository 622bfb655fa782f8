"""Season of a scene from its month, and location category from its ice-chart region.

Categories are those of IceBench (configs/config_data.ini of the published code): cat1 the east and Beaufort side,
cat2 Baffin Bay and Foxe Basin, cat3 the Canadian archipelago and Newfoundland, cat4 the high north.
"""

from datetime import datetime
from typing import Final, Literal, get_args

from datasets.errors import unknown_name

Season = Literal["winter", "spring", "summer", "fall"]
Location = Literal["cat1", "cat2", "cat3", "cat4"]
Cryoseason = Literal["melt", "freeze"]
CryoFilter = Literal["melt", "freeze", "known"]
"""`known` means scenes of either."""

SEASONS: Final[tuple[Season, ...]] = get_args(Season)
LOCATIONS: Final[tuple[Location, ...]] = get_args(Location)
CRYOSEASONS: Final[tuple[Cryoseason, ...]] = get_args(Cryoseason)

REGIONS: Final[dict[str, Location]] = {
    "CapeFarewell": "cat1",
    "CentralEast": "cat1",
    "NorthAndCentralEast": "cat1",
    "NorthEast": "cat1",
    "SouthEast": "cat1",
    "SGRDIWA": "cat1",
    "CentralWest": "cat2",
    "NorthWest": "cat2",
    "Qaanaaq": "cat2",
    "SGRDIFOXE": "cat2",
    "SouthWest": "cat2",
    "SGRDIEA": "cat3",
    "SGRDIHA": "cat3",
    "SGRDIMID": "cat3",
    "SGRDINFLD": "cat3",
    "North": "cat4",
}
"""The 16 ice-chart regions of the archive and the location category of each."""


def season_of(stopped: datetime) -> Season:
    """Meteorological season of the month in which the acquisition stopped (the published rule)."""
    return SEASONS[stopped.month % 12 // 3]


def location_of(region: str) -> Location:
    """Location category of an ice-chart region; raises UnknownNameError with the nearest region."""
    if region not in REGIONS:
        raise unknown_name("region", region, REGIONS)
    return REGIONS[region]
