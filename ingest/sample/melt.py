"""Synthetic melt maps, yearly netCDF files like those of NASA/GSFC "Arctic Sea Ice Melt", for demos and tests.

Names, grid, types and values are those of the README of the data set; what they show is invented: a few round
continents, dates that follow latitude with smooth noise, and a year that is early or late as a whole. Three things say
so: version text 000s in every file name (real ones are from 701s), the attribute `title`, and a text file beside them.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ingest.melt.grid import COLUMNS, ROWS, cell_degrees
from ingest.melt.maps import EARLIEST, LAND, LATEST, OPEN_WATER, POLE_HOLE, Field
from ingest.sample.errors import SampleError, make_folder

VERSION: Final = "000s"
NOTE: Final = "SYNTHETIC.txt"

_EARTH_KM = 6371.0
_HOLE = 89.18  # degrees north; edge of the SSMIS pole hole (NSIDC sea ice concentration)
_FLAGS = (-1, -2, -4)
_UNDETERMINED = 0.03  # share of dates that are a flag instead

# Continents as discs: latitude, longitude, radius in km. Large ones close the map to the south.
_DISCS = (
    (63.0, -46.5, 150), (66.5, -43.0, 220), (70.0, -40.0, 430), (74.0, -40.0, 470), (78.0, -43.0, 470),
    (81.0, -42.0, 220), (64.0, -105.0, 650), (55.0, -68.0, 550), (69.0, -72.0, 180), (80.0, -80.0, 230),
    (71.0, -110.0, 220), (65.5, -152.0, 430), (66.0, 100.0, 850), (66.0, 140.0, 550), (65.0, 170.0, 300),
    (64.0, 28.0, 430), (79.0, 18.0, 140), (65.0, -19.0, 200), (45.0, -95.0, 1500), (48.0, 90.0, 2300),
    (45.0, 30.0, 1500),
)  # fmt: skip

# Southern edge of what ever freezes, degrees north by longitude: warm in the Atlantic, cold along the east coasts.
_EDGE_AT = (-180, -165, -140, -100, -70, -58, -50, -45, -30, -20, -10, 0, 10, 20, 35, 50, 70, 100, 140, 155, 180)
_EDGE = (59, 58, 55, 50, 47, 47, 60, 62, 66, 68, 71, 75, 77, 76, 74, 69, 60, 60, 45, 48, 59)


def write_melt_maps(folder: Path, years: Iterable[int], seed: int) -> list[Path]:
    """Writes synthetic melt maps, of each year one netCDF.

    The map of a year depends on seed and year alone.

    Args:
        folder: Where the files go; made if it is missing. Files of the same name are replaced.
        years: Four-digit years.
        seed: Source of all randomness, at least 0.

    Returns:
        The paths of the maps.

    Raises:
        SampleError: An argument is out of range, or `folder` is a file.
    """
    wanted = sorted(set(years))
    if not wanted or wanted[0] < 1000 or wanted[-1] > 9999:
        raise SampleError(f"cannot write melt maps of the years {wanted}: give one or more years of four digits")
    if seed < 0:
        raise SampleError(f"the seed {seed} is negative: give 0 or a positive number")
    measured = [path.name for path in sorted(folder.glob("*meltfreeze*.nc")) if VERSION not in path.name]
    if measured:
        raise SampleError(
            f"{str(folder)!r} holds melt maps that are not synthetic (first: {measured[0]!r}): give another folder"
        )
    make_folder(folder, "melt maps")
    (folder / NOTE).write_text(
        f"These melt maps are SYNTHETIC (version {VERSION}, seed {seed}): made by `python -m ingest sample`, for demos "
        "and tests. Nothing in them was measured.\n"
    )
    written: list[Path] = []
    for year in wanted:
        written.append(_write_netcdf(folder / f"{year}{VERSION}meltfreeze.nc", year, draw(year, seed)))
    return written


def draw(year: int, seed: int) -> dict[Field, NDArray[np.int16]]:
    """The four fields of a year: (448, 304) int16 days, Earlymelt <= Melt < Earlyfreeze <= Freeze, and flags."""
    rng = np.random.default_rng([seed, year])
    latitude, longitude = cell_degrees()
    early, late = rng.normal(0, 5, 2)
    earlymelt = 104 + 2.2 * (latitude - 50) + early + _smooth(rng, 8)
    melt = earlymelt + 6 + np.abs(_smooth(rng, 6))
    freeze = 382 - 3.5 * (latitude - 50) + late + _smooth(rng, 12)
    earlyfreeze = freeze - 8 - np.abs(_smooth(rng, 8))
    ice = latitude > np.interp(longitude, _EDGE_AT, _EDGE) + _smooth(rng, 1)
    # Far south the melt season would swallow the winter: the order of the dates and their range come first.
    melt_days = np.sort(np.clip(np.rint([earlymelt, melt]), EARLIEST, 240), axis=0)
    freeze_days = np.sort(np.clip(np.rint([earlyfreeze, freeze]), 241, LATEST), axis=0)
    names: tuple[Field, ...] = ("Earlymelt", "Melt", "Earlyfreeze", "Freeze")
    dates = dict(zip(names, [*melt_days, *freeze_days], strict=True))
    fields: dict[Field, NDArray[np.int16]] = {}
    for name, days in dates.items():
        values = np.where(ice, days, OPEN_WATER)
        flagged = ice & (rng.random(values.shape) < _UNDETERMINED)
        values[flagged] = rng.choice(_FLAGS, size=int(flagged.sum()))
        values[latitude > _HOLE] = POLE_HOLE
        values[_land()] = LAND
        fields[name] = values.astype(np.int16)
    return fields


def _smooth(rng: np.random.Generator, deviation: float) -> NDArray[np.float64]:
    """Noise over some 300 km with this standard deviation, (448, 304) float64."""
    noise = gaussian_filter(rng.standard_normal((ROWS, COLUMNS)), sigma=6, mode="wrap")
    return np.asarray(noise * (deviation / noise.std()), dtype=np.float64)


@cache
def _land() -> NDArray[np.bool_]:
    north, east = (np.radians(axis) for axis in cell_degrees())
    land = np.zeros(north.shape, bool)
    for disc_latitude, disc_longitude, radius in _DISCS:
        at, turn = np.radians(disc_latitude), east - np.radians(disc_longitude)
        cosine = np.sin(at) * np.sin(north) + np.cos(at) * np.cos(north) * np.cos(turn)
        land |= cosine > np.cos(radius / _EARTH_KM)
    return land


def _write_netcdf(path: Path, year: int, fields: dict[Field, NDArray[np.int16]]) -> Path:
    degrees = dict(zip(("Latitude", "Longitude"), (axis.astype(np.float32) for axis in cell_degrees()), strict=True))
    arrays = {name: (("y", "x"), values) for name, values in [*fields.items(), *degrees.items()]}
    title = "SYNTHETIC melt map for demos and tests, not measured"
    encoding = {name: {"zlib": True, "_FillValue": None} for name in arrays}
    xr.Dataset(arrays, attrs={"Year": str(year), "title": title}).to_netcdf(path, engine="netcdf4", encoding=encoding)
    return path
