"""`MeltMaps`: a folder of yearly melt maps, as netCDF or as flat binaries, read and checked one field at a time.

File forms, names and values are those of the README of NASA/GSFC "Arctic Sea Ice Melt". The binaries carry no header,
so everything about them is checked: size, values, and land and sea at known places (a grid read upside down or in the
wrong byte order is refused).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import netCDF4
import numpy as np
from numpy.typing import NDArray

from ingest.melt.errors import MeltMapError, NoMeltMapError
from ingest.melt.grid import COLUMNS, ROWS, cell_degrees, cells_at

Field = Literal["Earlymelt", "Melt", "Earlyfreeze", "Freeze"]
Onset = Literal["continuous", "early"]

EARLIEST: Final = 75
"""First day of year that is a date; melt never starts before 16 March (README)."""

LATEST: Final = 410
"""Last day that is a date; days after 365 run into the next year (README)."""

OPEN_WATER: Final = 0
LAND: Final = -3
POLE_HOLE: Final = -5
UNDETERMINED: Final = -1
"""One of the README's "all other negative values", and what a NaN is read as."""

PAIRS: Final[dict[Onset, tuple[Field, Field]]] = {
    "continuous": ("Melt", "Freeze"),
    "early": ("Earlymelt", "Earlyfreeze"),
}
"""Fields that open and close the melt season, by kind of onset."""

BINARY_WORDS: Final[dict[str, Field]] = {
    "earlymelt": "Earlymelt",
    "melt": "Melt",
    "freeze": "Earlyfreeze",
    "latefreeze": "Freeze",
}
"""Word in the name of a binary -> field. In binary names, unlike in the netCDF, "freeze" is the EARLY freeze."""

_NETCDF = re.compile(r"(?P<year>\d{4})(?P<version>\d{3}s)?s?meltfreeze\w*\.nc", re.IGNORECASE)
_BINARY = re.compile(
    rf"(?P<year>\d{{4}})(?P<version>\d{{3}}s)?(?P<word>{'|'.join(BINARY_WORDS)})\.int\.304\.448\.\w+", re.IGNORECASE
)
_TYPES: Final = {ROWS * COLUMNS * 2: ">i2", ROWS * COLUMNS * 4: ">i4"}
"""Big-endian type by file size: the README says "integer", public readers take 16 bits."""

_LOWEST: Final = -99  # the README does not list the negative flags; those seen are -1 to -5
_PLAUSIBLE: Final = 0.99
_DEGREES_OFF: Final = 0.1  # under half a cell (0.11 degrees of latitude)
_LAND_AT = ((72.0, -40.0), (78.0, -42.0), (66.0, 100.0), (65.5, -152.0), (64.0, 28.0), (64.0, -105.0))
_NO_LAND_AT = ((73.5, -145.0), (73.0, -66.0), (76.5, 0.0), (75.0, 40.0), (72.0, -172.0), (68.0, 2.0), (85.0, 150.0))
_GET = 'get it from "Arctic Sea Ice Melt" of NASA/GSFC (earth.gsfc.nasa.gov/cryo/data/arctic-sea-ice-melt)'


@dataclass(frozen=True)
class MeltMaps:
    """The melt maps of a folder; each is read when it is first needed, and kept.

    Where a year is there in both forms the netCDF is read, where it is there in several versions the newest.

    Attributes:
        folder: Where they are.
        netcdf: File of each year.
        binary: File of each year and field.
    """

    folder: Path
    netcdf: dict[int, Path]
    binary: dict[tuple[int, Field], Path]
    _read: dict[tuple[int, Field], NDArray[np.int16]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def open(cls, folder: Path) -> "MeltMaps":
        """Lists a folder; nothing is read yet.

        Raises:
            NoMeltMapError: There is no such folder, or no melt map in it.
        """
        if not folder.is_dir():
            raise NoMeltMapError(f"{str(folder)!r} is no folder: give the folder of the unpacked melt maps")
        netcdf: dict[int, Path] = {}
        binary: dict[tuple[int, Field], Path] = {}
        # Versions ("730s", "731s") sort as text and come before the rest of the name: the last one wins.
        for path in sorted(folder.iterdir(), key=_version):
            if match := _NETCDF.fullmatch(path.name):
                netcdf[int(match["year"])] = path
            elif match := _BINARY.fullmatch(path.name):
                binary[int(match["year"]), BINARY_WORDS[match["word"].lower()]] = path
        if not netcdf and not binary:
            raise NoMeltMapError(
                f"the folder {str(folder)!r} holds no melt map, neither 2018731smeltfreeze.nc nor "
                f"2018731smelt.int.304.448.c or the like: {_GET}"
            )
        return cls(folder, netcdf, binary)

    @property
    def years(self) -> tuple[int, ...]:
        """Years of which there is any file."""
        return tuple(sorted({*self.netcdf, *(year for year, _ in self.binary)}))

    def path(self, year: int, name: Field) -> Path:
        """File that holds a field of a year.

        Raises:
            NoMeltMapError: There is none.
        """
        found = self.netcdf.get(year) or self.binary.get((year, name))
        if found is not None:
            return found
        have = ", ".join(map(str, self.years))
        if year in self.years:
            word = next(word for word, of in BINARY_WORDS.items() if of == name)
            raise NoMeltMapError(
                f"{str(self.folder)!r} has no {word} file of {year} (field {name}), though it has others of that year: "
                "copy all four files of the year"
            )
        raise NoMeltMapError(f"{str(self.folder)!r} has no melt map of {year}, it has {have}: {_GET}")

    def days(self, year: int, name: Field) -> NDArray[np.int16]:
        """One field of a year.

        Returns:
            (448, 304) int16, days of that year from 75 to 410; 0 open water, -3 land, -5 pole hole, other negative
            values undetermined.

        Raises:
            NoMeltMapError: There is no file.
            MeltMapError: The file is damaged or something else.
        """
        if (year, name) not in self._read:
            path = self.path(year, name)
            values = _from_netcdf(path, year, name) if year in self.netcdf else _from_binary(path)
            _check_values(values, path, name)
            self._read[year, name] = values.astype(np.int16)
        return self._read[year, name]


def _version(path: Path) -> str:
    match = _NETCDF.fullmatch(path.name) or _BINARY.fullmatch(path.name)
    return (match["version"] or "" if match else "") + path.name


def _from_binary(path: Path) -> NDArray[np.int64]:
    size = path.stat().st_size
    if size not in _TYPES:
        raise MeltMapError(
            f"{str(path)!r} has {size} bytes, a map of {ROWS} x {COLUMNS} has "
            f"{' or '.join(map(str, _TYPES))}: copy or unpack the file again"
        )
    return np.fromfile(path, dtype=_TYPES[size]).reshape(ROWS, COLUMNS).astype(np.int64)


def _from_netcdf(path: Path, year: int, name: Field) -> NDArray[np.int64]:
    try:
        with netCDF4.Dataset(path) as data:
            data.set_auto_mask(False)
            names = {found.lower(): found for found in data.variables}
            if name.lower() not in names:
                have = ", ".join(data.variables) or "none"
                raise MeltMapError(
                    f"{str(path)!r} has no variable {name}, in any case, it has {have}: copy the yearly map again"
                )
            values = _squeezed(data, names[name.lower()], path)
            inside = str(data.__dict__.get("Year", year)).strip()
            if inside != str(year):
                raise MeltMapError(
                    f"{str(path)!r} is named for {year} and says Year = {inside!r} inside: give it its right name"
                )
            if {"latitude", "longitude"} <= names.keys():
                latitude, longitude = (_squeezed(data, names[axis], path) for axis in ("latitude", "longitude"))
                _check_place(latitude, longitude, path)
    except (OSError, RuntimeError) as error:
        raise MeltMapError(f"{str(path)!r} cannot be read as netCDF ({error}): copy the file again") from error
    if np.issubdtype(values.dtype, np.floating):
        values = np.where(np.isnan(values), UNDETERMINED, values)
    return values.astype(np.int64)


def _squeezed(data: netCDF4.Dataset, name: str, path: Path) -> NDArray[np.generic]:
    values = np.asarray(data[name][...])
    shape = values.shape
    values = np.squeeze(values)
    if values.shape != (ROWS, COLUMNS):
        raise MeltMapError(
            f"{name} of {str(path)!r} has shape {shape}, expected ({ROWS}, {COLUMNS}): "
            "give the map on the 25 km polar stereographic grid"
        )
    return values


def _check_place(latitude: NDArray[np.generic], longitude: NDArray[np.generic], path: Path) -> None:
    """Compares the coordinates in the file with the grid that we look cells up on."""
    ours = cell_degrees()
    off_north = np.abs(latitude.astype(np.float64) - ours[0]).max()
    turn = (longitude.astype(np.float64) - ours[1] + 180) % 360 - 180
    off_east = np.abs(turn * np.cos(np.radians(ours[0]))).max()
    if not max(off_north, off_east) < _DEGREES_OFF:
        raise MeltMapError(
            f"Latitude and Longitude of {str(path)!r} lie up to {max(off_north, off_east):.1f} degrees from the cells "
            "of EPSG:3411 with the first row at the top: give the map on the 25 km polar stereographic grid"
        )


def _check_values(values: NDArray[np.int64], path: Path, name: Field) -> None:
    dates = (values >= EARLIEST) & (values <= LATEST)
    share = float((dates | ((values <= OPEN_WATER) & (values >= _LOWEST))).mean())
    if share < _PLAUSIBLE or not dates.any():
        raise MeltMapError(
            f"{name} in {str(path)!r} is no map of dates: {share:.0%} of its values are days {EARLIEST} to {LATEST}, "
            f"0 or a negative flag, {dates.mean():.0%} are days; copy the file again, binaries are big endian"
        )
    wrong = [place for place in _LAND_AT if not _is_land(values, place)]
    wrong += [place for place in _NO_LAND_AT if _is_land(values, place)]
    if len(wrong) > 1:
        raise MeltMapError(
            f"{name} in {str(path)!r} has land and sea swapped at {len(wrong)} of {len(_LAND_AT + _NO_LAND_AT)} known "
            f"places (first: latitude {wrong[0][0]:g}, longitude {wrong[0][1]:g}): the grid is turned, or land is not "
            f"{LAND}; give the maps as NASA publishes them"
        )


def _is_land(values: NDArray[np.int64], place: tuple[float, float]) -> bool:
    cell = cells_at(np.array(place[0]), np.array(place[1]))
    return bool((values.ravel()[cell] == LAND).all())
