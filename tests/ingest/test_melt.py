"""Melt maps and the season they give: the grid by its formula, files in both forms, the rule around its dates."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray

from datasets.errors import IceBenchError
from ingest.geometry import LATITUDE, LONGITUDE, TiePoints
from ingest.melt.errors import MeltMapError, NoMeltMapError
from ingest.melt.grid import COLUMNS, ROWS, cell_centres, cell_degrees, cells_at, footprint_cells, project
from ingest.melt.maps import BINARY_WORDS, PAIRS, Field, MeltMaps
from ingest.melt.rule import MeltRule, decide, needs_year_before, vote
from ingest.sample.geography import tie_points as geolocation
from ingest.sample.geography import track_point
from ingest.sample.melt import write_melt_maps

YEARS = (2018, 2019)
NAMES: tuple[Field, ...] = ("Earlymelt", "Melt", "Earlyfreeze", "Freeze")


@pytest.fixture(scope="session")
def both_forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for form in ("netcdf", "binary"):
        folders[form] = tmp_path_factory.mktemp(form)
        for path in write_melt_maps(folders[form], YEARS, seed=3):
            if (path.suffix == ".nc") != (form == "netcdf"):
                path.unlink()
    return folders


def stereographic(latitude: NDArray, longitude: NDArray) -> tuple[NDArray, NDArray]:
    """Polar stereographic forward formulas on the Hughes ellipsoid (Snyder 1987, 21-33 to 21-40), metres."""
    a, b = 6378273.0, 6356889.449
    e = np.sqrt(1 - (b / a) ** 2)

    def t(phi: NDArray) -> NDArray:
        return np.tan(np.pi / 4 - phi / 2) / ((1 - e * np.sin(phi)) / (1 + e * np.sin(phi))) ** (e / 2)

    phi, true = np.radians(latitude), np.radians(70.0)
    m = np.cos(true) / np.sqrt(1 - (e * np.sin(true)) ** 2)
    rho = a * m * t(phi) / t(true)
    turn = np.radians(np.asarray(longitude) + 45.0)
    return rho * np.sin(turn), -rho * np.cos(turn)


def test_cell_centres_are_those_of_the_25_km_grid() -> None:
    centres = cell_centres()
    assert centres.shape == (448, 304, 2)
    np.testing.assert_array_equal(centres[0, 0], [-3_837_500, 5_837_500])
    np.testing.assert_array_equal(centres[447, 303], [3_737_500, -5_337_500])
    np.testing.assert_array_equal(centres[10, 20], [-3_837_500 + 20 * 25_000, 5_837_500 - 10 * 25_000])


def test_places_fall_into_the_cells_of_the_formula() -> None:
    latitude, longitude = np.array([72.0, 59.8, 82.4, 66.0, 52.0]), np.array([-69.0, -44.5, -28.0, 180.0, -54.0])
    x, y = stereographic(latitude, longitude)
    np.testing.assert_allclose(project(latitude, longitude), np.stack([x, y], axis=-1), rtol=0, atol=1e-3)
    flat = np.floor((5_850_000 - y) / 25_000) * 304 + np.floor((x + 3_850_000) / 25_000)
    np.testing.assert_array_equal(cells_at(latitude, longitude), np.sort(flat))
    assert cells_at(np.array([90.0]), np.array([0.0])) == [234 * 304 + 154]


def test_cells_and_degrees_are_inverse() -> None:
    latitude, longitude = cell_degrees()
    np.testing.assert_array_equal(cells_at(latitude, longitude), np.arange(448 * 304))


def test_places_outside_the_grid_have_no_cell() -> None:
    assert cells_at(np.array([10.0, -60.0]), np.array([-45.0, 100.0])).size == 0


def scene(latitude: float, longitude: float, *, lines: int = 10_000, samples: int = 10_400) -> TiePoints:
    centre = track_point(latitude, longitude, "descending")
    return TiePoints.from_points(geolocation(centre, lines=lines, samples=samples, duration=60))


def test_a_full_scene_covers_its_area_in_cells() -> None:
    """400 km x 416 km on the ground is 266 cells of the true-scale area; at 72 N the map is 1 % larger."""
    assert 266 <= footprint_cells(scene(72, -69)).size <= 266 + 70  # border cells


def test_the_smallest_scene_has_its_cell() -> None:
    tiny = scene(72, -69, lines=100, samples=100)
    assert set(cells_at(np.array([72.0]), np.array([-69.0]))) <= set(footprint_cells(tiny))
    assert 1 <= footprint_cells(tiny).size <= 4


def test_a_scene_over_the_pole_or_the_antimeridian_is_one_patch() -> None:
    for latitude, longitude in ((89.5, 10.0), (72.0, 179.9)):
        rows, columns = np.divmod(footprint_cells(scene(latitude, longitude)), COLUMNS)
        assert np.ptp(rows) < 26
        assert np.ptp(columns) < 26
        assert 240 < rows.size < 350


def test_a_scene_outside_the_grid_has_no_cells() -> None:
    assert footprint_cells(scene(5, -45)).size == 0


@settings(max_examples=40, deadline=None)
@given(
    latitude=st.floats(50, 89),
    longitude=st.floats(-180, 180),
    lines=st.integers(100, 10_000),
    samples=st.integers(100, 10_400),
)
def test_footprints_hold_their_tie_points_and_agree_with_another_polygon_test(
    latitude: float, longitude: float, lines: int, samples: int
) -> None:
    tie_points = scene(latitude, longitude, lines=lines, samples=samples)
    found = set(footprint_cells(tie_points))
    held = set(cells_at(tie_points.fields[LATITUDE], tie_points.fields[LONGITUDE]))
    assert held <= found
    corners = project(tie_points.fields[LATITUDE], tie_points.fields[LONGITUDE])
    outline = np.concatenate([corners[0], corners[1:, -1], corners[-1, -2::-1], corners[-2:0:-1, 0]])
    inside = set(np.flatnonzero(Polygon(outline).contains_points(cell_centres().reshape(-1, 2))))
    assert found == held | inside
    turned = TiePoints(
        lines=tie_points.lines,
        samples=tie_points.samples,
        fields={name: values[::-1, ::-1] for name, values in tie_points.fields.items()},
    )
    assert set(footprint_cells(turned)) == found


# Files


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


# The rule


def days(*values: int) -> NDArray[np.int16]:
    return np.array(values, np.int16)


@pytest.mark.parametrize(
    ("day", "season"),
    [(1, "freeze"), (149, "freeze"), (150, "melt"), (151, "melt"), (299, "melt"), (300, "freeze"), (366, "freeze")],
)
@pytest.mark.parametrize("statistic", ["median", "mean", "vote"])
def test_one_cell_melts_from_its_melt_date_to_the_day_before_its_freeze_date(
    day: int, season: str, statistic: str
) -> None:
    rule = MeltRule.model_validate({"statistic": statistic})
    assert decide(days(150), days(300), day, rule) == (season, 1)


@pytest.mark.parametrize(
    ("statistic", "day", "season"),
    [
        ("median", 139, "freeze"),
        ("median", 140, "melt"),  # melt 100, 140, 240
        ("mean", 159, "freeze"),
        ("mean", 160, "melt"),
        ("vote", 139, "freeze"),
        ("vote", 140, "melt"),
        ("median", 309, "melt"),  # freeze 290, 310, 405
        ("median", 310, "freeze"),
        ("mean", 334, "melt"),
        ("mean", 335, "freeze"),
        ("vote", 309, "melt"),
        ("vote", 310, "freeze"),
    ],
)
def test_statistics_differ_where_cells_do(statistic: str, day: int, season: str) -> None:
    rule = MeltRule.model_validate({"statistic": statistic})
    assert decide(days(100, 140, 240), days(290, 310, 405), day, rule) == (season, 3)


def test_a_tie_of_cells_is_freeze() -> None:
    rule = MeltRule(statistic="vote")
    assert decide(days(100, 200), days(300, 300), 150, rule) == ("freeze", 2)


@pytest.mark.parametrize("flag", [0, -1, -3, -5, 74, 411])
def test_a_cell_without_both_dates_does_not_count(flag: int) -> None:
    assert decide(days(flag), days(300), 200) == (None, 0)
    assert decide(days(150), days(flag), 200) == (None, 0)
    assert decide(days(flag, 150, 75), days(300, flag, 410), 200) == ("melt", 1)


def test_no_cell_is_no_season() -> None:
    assert decide(days(), days(), 200) == (None, 0)


def uniform_maps(**years: tuple[int, int]) -> MeltMaps:
    """Maps that are one pair of dates everywhere, by year (`y2018=(150, 300)`)."""
    read = {}
    for year, dates in years.items():
        for name, day in zip(PAIRS["continuous"], dates, strict=True):
            read[int(year[1:]), name] = np.full((ROWS, COLUMNS), day, np.int16)
    return MeltMaps(Path(), {}, {key: Path() for key in read}, read)


CELLS = np.arange(5, dtype=np.intp)


@pytest.mark.parametrize(
    ("moment", "season", "year"),
    [
        (datetime(2018, 5, 30, 23, 59, tzinfo=UTC), "melt", 2018),  # day 150
        (datetime(2018, 5, 29, 23, 59, tzinfo=UTC), "freeze", 2018),
        (datetime(2020, 5, 29, tzinfo=UTC), "melt", 2020),  # day 150 of a leap year
        (datetime(2020, 5, 28, tzinfo=UTC), "freeze", 2020),
        (datetime(2018, 12, 31, tzinfo=UTC), "melt", 2018),  # freeze is day 390
        (datetime(2019, 1, 10, tzinfo=UTC), "melt", 2018),  # day 375 of 2018
        (datetime(2019, 1, 24, tzinfo=UTC), "melt", 2018),  # day 389
        (datetime(2019, 1, 25, tzinfo=UTC), "freeze", 2019),  # day 390
        (datetime(2021, 1, 23, tzinfo=UTC), "melt", 2020),  # day 389 of the leap year 2020
        (datetime(2021, 1, 24, tzinfo=UTC), "freeze", 2021),
        (datetime(2018, 1, 10, tzinfo=UTC), "freeze", 2018),  # no map of 2017
    ],
)
def test_the_melt_season_runs_on_into_the_next_year(moment: datetime, season: str, year: int) -> None:
    maps = uniform_maps(y2018=(150, 390), y2019=(150, 300), y2020=(150, 390), y2021=(150, 300))
    found = vote(maps, CELLS, moment)
    assert (found.season, found.year, found.share) == (season, year, 1.0)


def test_the_year_before_speaks_until_the_last_date_there_is() -> None:
    for year, last in ((2019, 44), (2021, 43)):
        moments = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(80)]
        assert sum(needs_year_before(moment) for moment in moments) == last


def test_the_day_is_that_of_utc() -> None:
    maps = uniform_maps(y2018=(150, 300))
    local = datetime(2018, 5, 29, 22, 0, tzinfo=timezone(-timedelta(hours=3)))
    assert vote(maps, CELLS, local).season == "melt"


def test_a_scene_over_open_water_has_no_season_and_no_share() -> None:
    found = vote(uniform_maps(y2018=(0, 0)), CELLS, datetime(2018, 7, 1, tzinfo=UTC))
    assert (found.season, found.share, found.cells) == (None, 0.0, 5)
    outside = vote(uniform_maps(y2018=(150, 300)), CELLS[:0], datetime(2018, 7, 1, tzinfo=UTC))
    assert (outside.season, outside.share) == (None, 0.0)


@settings(max_examples=60, deadline=None)
@given(
    latitude=st.floats(55, 83),
    longitude=st.floats(-150, 0),
    seconds=st.integers(0, 2 * 365 * 86400 - 1),
    rule=st.builds(MeltRule, onset=st.sampled_from(["continuous", "early"])),
)
def test_both_forms_give_the_same_season(
    both_forms: dict[str, Path], latitude: float, longitude: float, seconds: int, rule: MeltRule
) -> None:
    cells = cells_at(latitude + np.linspace(-1, 1, 30), np.full(30, longitude))
    moment = datetime(2018, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    votes = [vote(MAPS.setdefault(path, MeltMaps.open(path)), cells, moment, rule) for path in both_forms.values()]
    assert votes[0] == votes[1]
    assert 0 <= votes[0].share <= 1
    assert (votes[0].season is None) == (votes[0].valid == 0)


MAPS: dict[Path, MeltMaps] = {}
