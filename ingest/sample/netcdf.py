"""Writes a scene as a raw netCDF file of the AI4Arctic schema: dimensions, variables and attributes in file order."""

import itertools
from pathlib import Path
from typing import Any, Final

import netCDF4
import numpy as np

from ingest.sample.geography import ZONE_EDGES_KM
from ingest.sample.scene import Scene

_SAR: Final = ("sar_lines", "sar_samples")
_KM2: Final = ("2km_grid_lines", "2km_grid_samples")
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


def write_scene(path: Path, scene: Scene) -> None:
    """Writes a scene; the file is whole when this returns, and an existing one is replaced."""
    arrays = scene.arrays
    sizes = (
        *zip(_SAR, arrays["nersc_sar_primary"].shape, strict=True),
        ("sar_grid_points", arrays["sar_grid_line"].size),
        ("polygon_codes", arrays["polygon_codes"].size),
        *zip(_KM2, arrays["t2m"].shape, strict=True),
    )
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.set_fill_off()  # every value is written
        file.setncatts(_GLOBAL_ATTRIBUTES)
        for dim, size in sizes:
            file.createDimension(dim, size)
        for name, values in arrays.items():
            if name == "polygon_codes":
                variable = file.createVariable(name, str, (name,))
            else:
                dims = _dims(name)
                chunks = tuple(np.minimum(values.shape, _CHUNK)) if dims == _SAR else None
                variable = file.createVariable(
                    name, values.dtype, dims, zlib=True, complevel=_LEVEL, shuffle=True, chunksizes=chunks
                )
            variable[:] = values
            variable.setncatts(_attributes(name, scene))


def _dims(name: str) -> tuple[str, ...]:
    if name.startswith("sar_grid_"):
        return ("sar_grid_points",)
    return _SAR if name.startswith("nersc_") or name in ("polygon_icechart", "distance_map") else _KM2


def _attributes(name: str, scene: Scene) -> dict[str, Any]:
    """Attributes of a variable in the order of the archive."""
    values, source, names = scene.arrays[name], scene.scenario.name, list(scene.swaths)
    alone = len(names) == 1
    swaths = {
        # Two names stand as the text of a Python 2 list, one name as itself.
        "AMSR2_swaths": names[0] if alone else "[" + ", ".join(f"u'{n}'" for n in names) + "]",
        "AMSR2_S1_delays": np.array(list(scene.swaths.values()), dtype=np.int64).squeeze(),
    }
    if name.startswith("nersc_"):
        polarisation = "HH" if name == "nersc_sar_primary" else "HV"
        described = {"upstream_id": source.upstream_id, "description": "Sigma0 in dB"}
        return {"polarisation": polarisation, **described, "min": np.nanmin(values), "max": np.nanmax(values)}
    if name.startswith("btemp_"):
        frequency, polarization = name[6:-1].replace("_", "."), "horizontal" if name.endswith("h") else "vertical"
        text = f"Brightness temperature in K at {frequency}GHz. Polarization: {polarization}."
        return {**swaths, "min": np.nanmin(values), "max": np.nanmax(values), "description": text}
    if name in _ERA5:
        units, quantity = _ERA5[name]
        return {"units": units, "long_name": f"ERA5 {quantity}"}
    match name:
        case "polygon_codes":
            return {"icechart_id": source.icechart_id}
        case "polygon_icechart":
            polygons = "the polygon ids are gridded in native Sentinel-1 SAR geometry- and resolution"
            return {"description": f"Polygon icechart - {polygons}", "icechart_id": source.icechart_id}
        case "distance_map":
            meaning = "Distance to land zones numbered with ids ranging from 0 to 41"
            return {"long_name": meaning, "zonal_range_description": _zone_lines()}
        case "swath_segmentation":
            return swaths
        case _:
            return {}


def _zone_lines() -> str:
    """What the distance zones mean, a line for each."""
    edges = ["0", *(f"{edge:g}" for edge in ZONE_EDGES_KM), "inf"]
    ranges = [f"{i}; {low} -> {high}" for i, (low, high) in enumerate(itertools.pairwise(edges), start=1)]
    return "\n".join(["dist_id; dist_range_km", "0; land", *ranges])
