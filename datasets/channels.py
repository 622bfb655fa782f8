"""Channel lexicon: every input a model can have, by the name it carries in the lake.

The 16 inputs of the benchmark are those of the AutoICE winner, kept by IceBench: SAR and geography on the SAR grid,
AMSR2 and ERA5 on their own 2 km grid, and the month of the scene.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from datasets.errors import unknown_name

Grid = Literal["sar", "km2", "scene"]


@dataclass(frozen=True)
class Channel:
    """One input channel.

    Attributes:
        name: Variable name in the lake (or `month`, which is one number for each scene).
        long_name: For axis labels and CF attributes.
        units: CF units.
        grid: Native grid: `sar` (line, sample), `km2` (line_2km, sample_2km) or `scene` (one value).
        limits: Plotting range in `units`.
        plausible: Smallest and largest value in `units` that can be a measurement; what is outside is no data. SAR down
            to -80 dB: some 50 dB below the noise floor of Sentinel-1 EW (-22 dB and less), where a pixel is the rest of
            a subtraction of noise; real scenes hold down to -463 dB. The others leave room around the extremes of 493
            scenes of the first release.
    """

    name: str
    long_name: str
    units: str
    grid: Grid
    limits: tuple[float, float]
    plausible: tuple[float, float]


_ALL = [  # name, long name, units, grid, limits, plausible
    Channel("nersc_sar_primary", "SAR HH sigma0", "dB", "sar", (-30.0, 0.0), (-80.0, 40.0)),
    Channel("nersc_sar_secondary", "SAR HV sigma0", "dB", "sar", (-35.0, -10.0), (-80.0, 40.0)),
    Channel("sar_incidenceangle", "incidence angle", "degree", "sar", (18.0, 48.0), (15.0, 50.0)),
    Channel("sar_latitude", "latitude", "degrees_north", "sar", (50.0, 90.0), (-90.0, 90.0)),
    Channel("sar_longitude", "longitude", "degrees_east", "sar", (-180.0, 180.0), (-180.0, 180.0)),
    Channel("distance_map", "distance to land zone", "1", "sar", (0.0, 41.0), (0.0, 41.0)),
    *(
        Channel(f"btemp_{band}{way}", f"{long_name} {way.upper()}", "K", "km2", (80.0, 280.0), (50.0, 330.0))
        for band in ("6_9", "7_3", "10_7", "18_7", "23_8", "36_5", "89_0")
        for long_name in [f"AMSR2 brightness temperature {band.replace('_', '.')} GHz"]
        for way in "hv"
    ),
    Channel("u10m_rotated", "10 m wind along the sample axis", "m s-1", "km2", (-20.0, 20.0), (-100.0, 100.0)),
    Channel("v10m_rotated", "10 m wind along the line axis", "m s-1", "km2", (-20.0, 20.0), (-100.0, 100.0)),
    Channel("t2m", "2 m air temperature", "K", "km2", (230.0, 290.0), (170.0, 330.0)),
    Channel("skt", "skin temperature", "K", "km2", (230.0, 290.0), (170.0, 340.0)),
    Channel("tcwv", "total column water vapour", "kg m-2", "km2", (0.0, 30.0), (-0.1, 100.0)),
    Channel("tclw", "total column cloud liquid water", "kg m-2", "km2", (0.0, 0.3), (-0.01, 10.0)),
    Channel("month", "month of acquisition", "1", "scene", (1.0, 12.0), (1.0, 12.0)),
]

CHANNELS: Final[dict[str, Channel]] = {channel.name: channel for channel in _ALL}

INPUTS: Final[tuple[str, ...]] = (
    "nersc_sar_primary",
    "nersc_sar_secondary",
    "sar_incidenceangle",
    "distance_map",
    "sar_latitude",
    "sar_longitude",
    "btemp_18_7h",
    "btemp_18_7v",
    "btemp_36_5h",
    "btemp_36_5v",
    "u10m_rotated",
    "v10m_rotated",
    "t2m",
    "tcwv",
    "tclw",
    "month",
)
"""The 16 inputs of the benchmark, in the order in which models see them."""

LAND: Final = "distance_map"
"""The channel whose zone 0 is land (AI4Arctic manual)."""

GROUPS: Final = ("SAR", "geography", "AMSR2", "ERA5", "time")
"""Where channels come from, in the order in which groups are shown."""

_GEOGRAPHY: Final = ("sar_latitude", "sar_longitude", "distance_map")


def check_channels(names: Iterable[str]) -> None:
    """Raises UnknownNameError for the first name that is no channel."""
    for name in names:
        if name not in CHANNELS:
            raise unknown_name("channel", name, CHANNELS)


def group_of(channel: str) -> str:
    """Group of a channel of the lexicon: by instrument, and geography for what only says where a pixel is.

    The incidence angle belongs to SAR, since it describes the view of the radar.
    """
    check_channels([channel])
    if channel in _GEOGRAPHY:
        return "geography"
    if CHANNELS[channel].grid == "scene":
        return "time"
    if CHANNELS[channel].grid == "sar":
        return "SAR"
    return "AMSR2" if channel.startswith("btemp_") else "ERA5"
