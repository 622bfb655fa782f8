"""The AI4Arctic raw file schema as tables: dimensions, variables and attributes in file order."""

import itertools
from dataclasses import dataclass
from typing import Literal

from ingest.sample.geography import ZONE_EDGES_KM
from ingest.sample.radiometer import CHANNELS, GIGAHERTZ

DIMENSIONS = (
    "sar_lines", "sar_samples", "sar_grid_points", "polygon_codes", "2km_grid_lines", "2km_grid_samples",
)  # fmt: skip

GLOBAL_ATTRIBUTES = {
    "title": (
        "Training data file from AI4Arctic_CCN challenge dataset\n"
        "Input: Sentinel-1 SAR dual HH-HV / AMSR2 PMR / ERA5 NWP /Land distance.\n"
        # The archive's own spelling.
        "Label: Sea-ice information (gridded polygon ids with accomanying SIGRID3 coding."  # codespell:ignore
    ),
    "geometric_info": (
        "All variables are gridded to match SAR bands geographically.\n"
        "Sea-ice charts and distance maps are gridded in native EW-GRDM-resolution (approx. 40 m)\n"
        "AMSR2 and NWP are gridded 2 km spatial resolution.\n"
        "The ERA5 u- and v components are rotated to comply with the satellite flight direction as reference."
    ),
    "sar_denoise_by_nersc_documentation": (
        "Thermal Denoising of Cross-Polarized Sentinel-1 Data in\n"
        "Interferometric and Extra Wide Swath Modes, DOI: 10.1109/TGRS.2021.3131036\n"
        "Available at: https://ieeexplore.ieee.org/document/9627699"
    ),
}

PerScene = Literal["upstream_id", "icechart_id", "min", "max", "AMSR2_swaths", "AMSR2_S1_delays"]
"""Attributes whose value is that of the scene."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable of a raw file.

    Attributes:
        name: Name in the file.
        dims: Names of its dimensions.
        dtype: numpy type code, or `str` for netCDF strings.
        attributes: Name and value in file order; None where the scene gives the value.
    """

    name: str
    dims: tuple[str, ...]
    dtype: Literal["f4", "f8", "u1", "str"]
    attributes: dict[str, str | None]


_SAR = ("sar_lines", "sar_samples")
_KM2 = ("2km_grid_lines", "2km_grid_samples")


def zone_lines() -> str:
    """The attribute that says what the distance zones mean."""
    edges = ["0", *(f"{edge:g}" for edge in ZONE_EDGES_KM), "inf"]
    zones = [f"{i + 1}; {low} -> {high}" for i, (low, high) in enumerate(itertools.pairwise(edges))]
    return "\n".join(["dist_id; dist_range_km", "0; land", *zones])


def _sar(name: str, polarisation: str) -> Variable:
    return Variable(
        name=name,
        dims=_SAR,
        dtype="f4",
        attributes={
            "polarisation": polarisation,
            "upstream_id": None,
            "description": "Sigma0 in dB",
            "min": None,
            "max": None,
        },
    )


def _amsr2(name: str) -> Variable:
    band, polarisation = name[6:-1], {"h": "horizontal", "v": "vertical"}[name[-1]]
    described = f"Brightness temperature in K at {GIGAHERTZ[band]}GHz. Polarization: {polarisation}."
    return Variable(
        name=name,
        dims=_KM2,
        dtype="f8",
        attributes={
            "AMSR2_swaths": None,
            "AMSR2_S1_delays": None,
            "min": None,
            "max": None,
            "description": described,
        },
    )


def _era5(name: str, units: str, quantity: str) -> Variable:
    return Variable(name=name, dims=_KM2, dtype="f8", attributes={"units": units, "long_name": f"ERA5 {quantity}"})


TIE_POINTS = ("line", "sample", "latitude", "longitude", "incidenceangle", "height")

VARIABLES: tuple[Variable, ...] = (
    Variable(name="polygon_codes", dims=("polygon_codes",), dtype="str", attributes={"icechart_id": None}),
    _sar("nersc_sar_primary", "HH"),
    _sar("nersc_sar_secondary", "HV"),
    Variable(
        name="polygon_icechart",
        dims=_SAR,
        dtype="f4",
        attributes={
            "description": (
                "Polygon icechart - the polygon ids are gridded in native Sentinel-1 SAR geometry- and resolution"
            ),
            "icechart_id": None,
        },
    ),
    Variable(
        name="distance_map",
        dims=_SAR,
        dtype="f4",
        attributes={
            "long_name": "Distance to land zones numbered with ids ranging from 0 to 41",
            "zonal_range_description": zone_lines(),
        },
    ),
    *(Variable(name=f"sar_grid_{name}", dims=("sar_grid_points",), dtype="f8", attributes={}) for name in TIE_POINTS),
    *(_amsr2(name) for name in CHANNELS),
    Variable(name="amsr2_swath_map", dims=_KM2, dtype="u1", attributes={}),
    Variable(
        name="swath_segmentation", dims=_KM2, dtype="u1", attributes={"AMSR2_swaths": None, "AMSR2_S1_delays": None}
    ),
    _era5("u10m_rotated", "m/s", "10m u-component of wind rotated to account for S-1 flight direction"),
    _era5("v10m_rotated", "m/s", "10m v-component of wind rotated to account for S-1 flight direction"),
    _era5("t2m", "K", "2m air temperature"),
    _era5("skt", "K", "skin temperature"),
    _era5("tcwv", "kg/m2", "total column water vapour"),
    _era5("tclw", "kg/m2", "total cloud liquid water"),
)
"""polygon_codes and the 32 data variables in file order."""
