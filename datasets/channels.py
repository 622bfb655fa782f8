"""Channel lexicon: every input a model can have, by the name it carries in the lake.

The 16 inputs of the benchmark are those of the AutoICE winner, kept by IceBench: SAR and geography on the SAR grid,
AMSR2 and ERA5 on their own 2 km grid, and the month of the scene.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from datasets.errors import unknown_name

Grid = Literal["sar", "km2", "scene"]


@dataclass(frozen=True, kw_only=True)
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


def _brightness_temperatures() -> list[Channel]:
    frequencies = ("6_9", "7_3", "10_7", "18_7", "23_8", "36_5", "89_0")
    return [
        Channel(
            name=f"btemp_{frequency}{polarization}",
            long_name=f"AMSR2 brightness temperature {frequency.replace('_', '.')} GHz {polarization.upper()}",
            units="K",
            grid="km2",
            limits=(80.0, 280.0),
            plausible=(50.0, 330.0),
        )
        for frequency in frequencies
        for polarization in "hv"
    ]


_ALL = [
    Channel(
        name="nersc_sar_primary",
        long_name="SAR HH sigma0",
        units="dB",
        grid="sar",
        limits=(-30.0, 0.0),
        plausible=(-80.0, 40.0),
    ),
    Channel(
        name="nersc_sar_secondary",
        long_name="SAR HV sigma0",
        units="dB",
        grid="sar",
        limits=(-35.0, -10.0),
        plausible=(-80.0, 40.0),
    ),
    Channel(
        name="sar_incidenceangle",
        long_name="incidence angle",
        units="degree",
        grid="sar",
        limits=(18.0, 48.0),
        plausible=(15.0, 50.0),
    ),
    Channel(
        name="sar_latitude",
        long_name="latitude",
        units="degrees_north",
        grid="sar",
        limits=(50.0, 90.0),
        plausible=(-90.0, 90.0),
    ),
    Channel(
        name="sar_longitude",
        long_name="longitude",
        units="degrees_east",
        grid="sar",
        limits=(-180.0, 180.0),
        plausible=(-180.0, 180.0),
    ),
    Channel(
        name="distance_map",
        long_name="distance to land zone",
        units="1",
        grid="sar",
        limits=(0.0, 41.0),
        plausible=(0.0, 41.0),
    ),
    *_brightness_temperatures(),
    Channel(
        name="u10m_rotated",
        long_name="10 m wind along the sample axis",
        units="m s-1",
        grid="km2",
        limits=(-20.0, 20.0),
        plausible=(-100.0, 100.0),
    ),
    Channel(
        name="v10m_rotated",
        long_name="10 m wind along the line axis",
        units="m s-1",
        grid="km2",
        limits=(-20.0, 20.0),
        plausible=(-100.0, 100.0),
    ),
    Channel(
        name="t2m",
        long_name="2 m air temperature",
        units="K",
        grid="km2",
        limits=(230.0, 290.0),
        plausible=(170.0, 330.0),
    ),
    Channel(
        name="skt",
        long_name="skin temperature",
        units="K",
        grid="km2",
        limits=(230.0, 290.0),
        plausible=(170.0, 340.0),
    ),
    Channel(
        name="tcwv",
        long_name="total column water vapour",
        units="kg m-2",
        grid="km2",
        limits=(0.0, 30.0),
        plausible=(-0.1, 100.0),
    ),
    Channel(
        name="tclw",
        long_name="total column cloud liquid water",
        units="kg m-2",
        grid="km2",
        limits=(0.0, 0.3),
        plausible=(-0.01, 10.0),
    ),
    Channel(
        name="month",
        long_name="month of acquisition",
        units="1",
        grid="scene",
        limits=(1.0, 12.0),
        plausible=(1.0, 12.0),
    ),
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
