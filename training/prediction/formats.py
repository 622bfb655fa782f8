"""The forms of a scene map: each is made from the Zarr store by a function that never needs a network."""

import shlex
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from datasets.class_colours import Palette
from datasets.errors import IceBenchError, unknown_name
from datasets.grids import POLAR
from training.prediction.georeference import Georeference
from training.prediction.scene_map import DIMS, strips

ZARR: Final = "zarr"


class MapFormatError(IceBenchError, ValueError):
    """A form of maps cannot be written here."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What forms are asked for besides their name: projection of warped GeoTIFF, colours of classes in pictures."""

    crs: str = POLAR
    colours: Palette = "safe"


Write = Callable[[xr.Dataset, Path, Options], list[Path]]
"""Writes an opened map (see `scene_map.open_map`) into a folder, and returns what it made."""


Check = Callable[[Georeference, Options], None]
"""Raises where a scene cannot be shown, before a network is asked about it."""


@dataclass(frozen=True, kw_only=True)
class MapFormat:
    """One form of maps.

    Attributes:
        package: What it needs, and the extra that installs it.
        files: Pattern of the names of its files after the scene's.
        asks: Options that change what it makes, by name.
    """

    write: Write
    check: Check = lambda places, options: None
    package: tuple[str, str] | None = None
    files: str
    asks: tuple[str, ...] = ()

    def settings(self, options: Options) -> str:
        """The options that it has heard."""
        return ", ".join(str(getattr(options, name)) for name in self.asks)


def write_netcdf(data: xr.Dataset, path: Path) -> Path:
    """Writes one netCDF 4 file, strip by strip, with CF coordinates."""
    import netCDF4

    with netCDF4.Dataset(path, "w") as file:
        file.setncatts({str(name): value for name, value in data.attrs.items()})
        for dim in sorted(data.sizes, key=str):  # a store lists its arrays in any order
            file.createDimension(str(dim), data.sizes[dim])
        strip = next(strips(data)).stop
        variables = {str(name): data.variables[name] for name in sorted(data.variables, key=str)}
        for name, variable in variables.items():
            chunks = [strip if dim == "line" else size for dim, size in variable.sizes.items()]
            made: Any = file.createVariable(
                name,
                np.dtype(variable.dtype.name),
                tuple(map(str, variable.dims)),
                zlib=True,
                complevel=1,
                chunksizes=chunks,
                fill_value=variable.attrs.get("_FillValue", False),
            )
            made.set_auto_maskandscale(False)
            made.setncatts(_attributes(variable, is_place=name in data.coords))
            if DIMS[0] not in variable.dims:
                made[...] = variable.to_numpy()
        for lines in strips(data):
            for name, variable in variables.items():
                if DIMS[0] in variable.dims:
                    place = tuple(lines if dim == DIMS[0] else slice(None) for dim in variable.dims)
                    file[name][place] = variable.isel(line=lines).to_numpy()
    return path


def _attributes(variable: xr.Variable, *, is_place: bool) -> dict[str, Any]:
    found = {name: value for name, value in variable.attrs.items() if name != "_FillValue"}
    if "flag_values" in found:
        found["flag_values"] = np.asarray(found["flag_values"], variable.dtype.name)
    return found if is_place else {**found, "coordinates": "latitude longitude"}


def _zarr(data: xr.Dataset, folder: Path, options: Options) -> list[Path]:
    return [folder / f"{data.attrs['scene_id']}.zarr"]  # it is what all others are made from


def _netcdf(data: xr.Dataset, folder: Path, options: Options) -> list[Path]:
    return [write_netcdf(data, folder / f"{data.attrs['scene_id']}.nc")]


def _check_geotiff(places: Georeference, options: Options) -> None:
    from training.prediction.geotiff import check_place

    check_place(places, options.crs)


def _geotiff(data: xr.Dataset, folder: Path, options: Options) -> list[Path]:
    from training.prediction.geotiff import write_geotiff

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Dataset has no geotransform")  # swath files have control points
        return write_geotiff(data, folder, crs=options.crs)


def _picture(data: xr.Dataset, folder: Path, options: Options) -> list[Path]:
    from training.prediction.picture import write_picture

    return [write_picture(data, folder / f"{data.attrs['scene_id']}.png", options.colours)]


FORMATS: Final[Mapping[str, MapFormat]] = {
    ZARR: MapFormat(write=_zarr, files=".zarr"),
    "netcdf": MapFormat(write=_netcdf, package=("netCDF4", "ingest"), files=".nc"),
    "geotiff": MapFormat(
        write=_geotiff, check=_check_geotiff, package=("rasterio", "maps"), files="_*.tif", asks=("crs",)
    ),
    "png": MapFormat(write=_picture, package=("matplotlib", "train"), files=".png", asks=("colours",)),
}


def check_formats(words: list[str]) -> tuple[str, ...]:
    """Names of forms, from words or lists with commas; raises UnknownNameError or MapFormatError."""
    found = tuple(dict.fromkeys(name for word in words for name in word.split(",") if name))
    for name in found:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
        needed = FORMATS[name].package
        if needed is not None and find_spec(needed[0]) is None:
            package, extra = needed
            install = shlex.join(["pip", "install", "-e", f".[{extra}]"])
            raise MapFormatError(f"--format {name} needs {package}, which is not installed: {install}, or leave it out")
    if not found:
        raise MapFormatError(f"--format names no form: give one or several of {', '.join(FORMATS)}")
    return found
