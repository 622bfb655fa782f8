"""Melt maps in both forms of file, and what is none."""

import shutil
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from datasets.errors import IceBenchError
from ingest.melt.errors import MeltMapError, NoMeltMapError
from ingest.melt.grid import COLUMNS, ROWS
from ingest.melt.maps import BINARY_WORDS, PAIRS, Field, MeltMaps
from tests.ingest.melt.map_years import YEARS

NAMES: tuple[Field, ...] = ("Earlymelt", "Melt", "Earlyfreeze", "Freeze")


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_are_the_same_map(both_forms: dict[str, Path], name: Field) -> None:
    netcdf, binary = (MeltMaps.open(both_forms[form]) for form in ("netcdf", "binary"))
    assert netcdf.years == binary.years == YEARS
    for year in YEARS:
        assert netcdf.days(year, name).dtype == np.int16
        np.testing.assert_array_equal(netcdf.days(year, name), binary.days(year, name))


def test_freeze_in_the_name_of_a_binary_is_the_early_freeze(both_forms: dict[str, Path]) -> None:
    with netCDF4.Dataset(both_forms["netcdf"] / "2018000smeltfreeze.nc") as data:
        data.set_auto_mask(False)
        early, late = data["Earlyfreeze"][:], data["Freeze"][:]
    maps = MeltMaps.open(both_forms["binary"])
    by_word = {
        word: np.fromfile(both_forms["binary"] / f"2018000s{word}.int.304.448.c", ">i2").reshape(ROWS, COLUMNS)
        for word in BINARY_WORDS
    }
    np.testing.assert_array_equal(by_word["freeze"], early)
    np.testing.assert_array_equal(by_word["latefreeze"], late)
    np.testing.assert_array_equal(maps.days(2018, PAIRS["early"][1]), early)
    np.testing.assert_array_equal(maps.days(2018, PAIRS["continuous"][1]), late)


def test_other_names_and_types_of_the_same_map(both_forms: dict[str, Path], tmp_path: Path) -> None:
    """Names of older releases and of a pre-release copy, 32-bit integers, lower-case fields without coordinates."""
    maps = MeltMaps.open(both_forms["netcdf"])
    expected = maps.days(2018, "Melt")
    expected.astype(">i4").tofile(tmp_path / "2018melt.int.304.448.new")
    np.testing.assert_array_equal(MeltMaps.open(tmp_path).days(2018, "Melt"), expected)
    with netCDF4.Dataset(tmp_path / "2018730smeltfreeze.nc", "w") as data:
        for dim, size in (("time", 1), ("rows", ROWS), ("columns", COLUMNS)):
            data.createDimension(dim, size)
        values = expected.astype(np.float32)
        values[values == -5] = np.nan
        data.createVariable("melt", "f4", ("time", "rows", "columns"))[0] = values
    found = MeltMaps.open(tmp_path).days(2018, "Melt")
    np.testing.assert_array_equal(found, np.where(expected == -5, -1, expected))


def test_the_newest_version_is_read(both_forms: dict[str, Path], tmp_path: Path) -> None:
    for version in ("730s", "731s", "701s"):
        shutil.copy(both_forms["netcdf"] / "2018000smeltfreeze.nc", tmp_path / f"2018{version}meltfreeze.nc")
    shutil.copy(both_forms["binary"] / "2018000smelt.int.304.448.c", tmp_path / "2018999smelt.int.304.448.c")
    assert MeltMaps.open(tmp_path).path(2018, "Melt").name == "2018731smeltfreeze.nc"


def _swapped(path: Path) -> None:
    np.fromfile(path, ">i2").astype("<i2").tofile(path)


def _upside_down(path: Path) -> None:
    np.fromfile(path, ">i2").reshape(ROWS, COLUMNS)[::-1].tofile(path)


def _mirrored(path: Path) -> None:
    np.fromfile(path, ">i2").reshape(ROWS, COLUMNS)[:, ::-1].tofile(path)


def _short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def _without_dates(path: Path) -> None:
    np.zeros((ROWS, COLUMNS), ">i2").tofile(path)


def _as_floats(path: Path) -> None:
    np.fromfile(path, ">i2").astype(">f4").tofile(path)  # as large as the 32-bit form


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_short, r"has 272382 bytes, a map of 448 x 304 has 272384 or 544768: copy or unpack"),
        (_swapped, r"is no map of dates: \d+% of its values are days 75 to 410, 0 or a negative flag"),
        (_as_floats, r"is no map of dates"),
        (_without_dates, r"is no map of dates: 100% of its values .* 0% are days"),
        (_upside_down, r"has land and sea swapped at \d+ of 13 known places .* the grid is turned"),
        (_mirrored, r"has land and sea swapped at \d+ of 13 known places"),
    ],
)
def test_a_bad_binary_is_one_sentence(
    both_forms: dict[str, Path], tmp_path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    path = tmp_path / "2018731smelt.int.304.448.c"
    shutil.copy(both_forms["binary"] / "2018000smelt.int.304.448.c", path)
    damage(path)
    with pytest.raises(MeltMapError, match=sentence):
        MeltMaps.open(tmp_path).days(2018, "Melt")


def _text(path: Path) -> None:
    path.write_text("no netCDF")


def _renamed(path: Path) -> None:
    with netCDF4.Dataset(path, "a") as data:
        data.renameVariable("Freeze", "Frost")


def _other_year(path: Path) -> None:
    with netCDF4.Dataset(path, "a") as data:
        data.setncattr("Year", "1999")


def _shifted(path: Path) -> None:
    with netCDF4.Dataset(path, "a") as data:
        data["Latitude"][:] = np.roll(data["Latitude"][:], 1, axis=0)


def _other_grid(path: Path) -> None:
    path.unlink()
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("y", COLUMNS)
        data.createDimension("x", ROWS)
        data.createVariable("Freeze", "i2", ("y", "x"))[:] = 0


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_text, "cannot be read as netCDF"),
        (_renamed, "has no variable Freeze, in any case, it has Earlymelt, Melt, Earlyfreeze, Frost"),
        (_other_year, "is named for 2018 and says Year = '1999' inside"),
        (_shifted, r"Latitude and Longitude of .* degrees from the cells of EPSG:3411"),
        (_other_grid, r"Freeze of .* has shape \(304, 448\), expected \(448, 304\)"),
    ],
)
def test_a_bad_netcdf_is_one_sentence(
    both_forms: dict[str, Path], tmp_path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    path = tmp_path / "2018731smeltfreeze.nc"
    shutil.copy(both_forms["netcdf"] / "2018000smeltfreeze.nc", path)
    damage(path)
    with pytest.raises(MeltMapError, match=sentence):
        MeltMaps.open(tmp_path).days(2018, "Freeze")


def test_what_is_not_there_is_one_sentence(both_forms: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(NoMeltMapError, match="is no folder"):
        MeltMaps.open(tmp_path / "nothing")
    (tmp_path / "notes.nc").touch()
    with pytest.raises(NoMeltMapError, match="holds no melt map"):
        MeltMaps.open(tmp_path)
    with pytest.raises(NoMeltMapError, match="has no melt map of 2020, it has 2018, 2019: get it from"):
        MeltMaps.open(both_forms["netcdf"]).days(2020, "Melt")
    shutil.copy(both_forms["binary"] / "2018000smelt.int.304.448.c", tmp_path)
    with pytest.raises(NoMeltMapError, match=r"has no latefreeze file of 2018 \(field Freeze\)"):
        MeltMaps.open(tmp_path).days(2018, "Freeze")
    assert issubclass(NoMeltMapError, IceBenchError)
