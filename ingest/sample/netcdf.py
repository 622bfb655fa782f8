"""Writes a scene as a raw netCDF file of the AI4Arctic schema: dimensions, variables and attributes in file order."""

import itertools
from pathlib import Path
from typing import Any, Final

import netCDF4
import numpy as np
from numpy.typing import NDArray

from ingest.sample.geography import ZONE_EDGES_KM
from ingest.sample.radiometer import draw_swath
from ingest.sample.scenario import Scenario
from ingest.sample.scene import draw_scene
from ingest.variables import CODES, DISTANCE, HH, HV, KM2_DIMS, POLYGONS, SAR_DIMS, TIE_POINTS

_CHUNK: Final = (250, 1024)  # lines and samples
_LEVEL: Final = 1  # of zlib; higher levels gain little on speckle

_GLOBAL_ATTRIBUTES: Final = {
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
_WIND = "10m {}-component of wind rotated to account for S-1 flight direction"
_ERA5: Final = {
    "u10m_rotated": ("m/s", _WIND.format("u")),
    "v10m_rotated": ("m/s", _WIND.format("v")),
    "t2m": ("K", "2m air temperature"),
    "skt": ("K", "skin temperature"),
    "tcwv": ("kg/m2", "total column water vapour"),
    "tclw": ("kg/m2", "total cloud liquid water"),
}


def write_scene(path: Path, scenario: Scenario) -> None:
    """Draws and writes a scene; the file is whole when this returns, and an existing one is replaced."""
    arrays = draw_scene(scenario)
    sizes = {
        dim: size
        for name in (HH, TIE_POINTS[0], CODES, "t2m")
        for dim, size in zip(_dims(name), arrays[name].shape, strict=True)
    }
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.set_fill_off()  # every value is written
        file.setncatts(_GLOBAL_ATTRIBUTES)
        for dim, size in sizes.items():
            file.createDimension(dim, size)
        for name, values in arrays.items():
            if name == CODES:
                variable = file.createVariable(name, str, _dims(name))
            else:
                chunks = tuple(np.minimum(values.shape, _CHUNK)) if _dims(name) == SAR_DIMS else None
                variable = file.createVariable(
                    name, values.dtype, _dims(name), zlib=True, complevel=_LEVEL, shuffle=True, chunksizes=chunks
                )
            variable[:] = values
            variable.setncatts(_attributes(name, values, scenario))


def _dims(name: str) -> tuple[str, ...]:
    if name == CODES:
        return (CODES,)
    if name in TIE_POINTS:
        return ("sar_grid_points",)
    return SAR_DIMS if name in (HH, HV, POLYGONS, DISTANCE) else KM2_DIMS


def _attributes(name: str, values: NDArray[Any], scenario: Scenario) -> dict[str, Any]:
    """Attributes of a variable in the order of the archive."""
    source, (half_orbit, delay) = scenario.name, draw_swath(scenario)
    swaths = {"AMSR2_swaths": half_orbit, "AMSR2_S1_delays": np.int64(delay)}
    if name in (HH, HV):
        polarisation = "HH" if name == HH else "HV"
        described = {"upstream_id": source.upstream_id, "description": "Sigma0 in dB"}
        return {"polarisation": polarisation, **described, "min": np.nanmin(values), "max": np.nanmax(values)}
    if name.startswith("btemp_"):
        frequency, polarization = name[6:-1].replace("_", "."), "horizontal" if name.endswith("h") else "vertical"
        text = f"Brightness temperature in K at {frequency}GHz. Polarization: {polarization}."
        return {**swaths, "min": np.nanmin(values), "max": np.nanmax(values), "description": text}
    if name in _ERA5:
        units, quantity = _ERA5[name]
        return {"units": units, "long_name": f"ERA5 {quantity}"}
    if name == POLYGONS:
        polygons = "the polygon ids are gridded in native Sentinel-1 SAR geometry- and resolution"
        return {"description": f"Polygon icechart - {polygons}", "icechart_id": source.icechart_id}
    if name == DISTANCE:
        meaning = "Distance to land zones numbered with ids ranging from 0 to 41"
        return {"long_name": meaning, "zonal_range_description": _zone_lines()}
    if name == CODES:
        return {"icechart_id": source.icechart_id}
    return swaths if name == "swath_segmentation" else {}


def _zone_lines() -> str:
    """What the distance zones mean, a line for each."""
    edges = ["0", *(f"{edge:g}" for edge in ZONE_EDGES_KM), "inf"]
    ranges = [f"{i}; {low} -> {high}" for i, (low, high) in enumerate(itertools.pairwise(edges), start=1)]
    return "\n".join(["dist_id; dist_range_km", "0; land", *ranges])
