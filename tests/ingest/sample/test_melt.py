"""Synthetic melt maps: values and order of the README, places that make sense, the mark that they are invented."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ingest.melt.grid import cells_at
from ingest.melt.maps import MeltMaps
from ingest.sample.errors import SampleError
from ingest.sample.melt import draw, write_melt_maps


def test_names_are_those_of_the_data_set_and_say_synthetic(tmp_path: Path) -> None:
    paths = write_melt_maps(tmp_path, [2020], seed=0)
    assert [path.name for path in paths] == ["2020000smeltfreeze.nc"]
    assert "SYNTHETIC" in (tmp_path / "SYNTHETIC.txt").read_text()
    with netCDF4.Dataset(paths[0]) as data:
        assert list(data.variables) == ["Earlymelt", "Melt", "Earlyfreeze", "Freeze", "Latitude", "Longitude"]
        assert {variable.shape for variable in data.variables.values()} == {(448, 304)}
        assert data.getncattr("Year") == "2020"
        assert "SYNTHETIC" in data.getncattr("title")


@pytest.mark.parametrize(("year", "seed"), [(2018, 0), (2021, 5)])
def test_dates_are_in_order_and_in_range(year: int, seed: int) -> None:
    fields = draw(year, seed)
    stack = np.stack([fields[name] for name in ("Earlymelt", "Melt", "Earlyfreeze", "Freeze")])
    dated = stack > 0
    assert stack[dated].min() >= 75
    assert stack[dated].max() <= 410
    complete = stack[:, dated.all(axis=0)]
    assert (complete[0] <= complete[1]).all()
    assert (complete[1] < complete[2]).all()
    assert (complete[2] <= complete[3]).all()
    assert set(np.unique(stack[~dated])) == {0, -1, -2, -3, -4, -5}
    assert (stack[3] > 365).any()
    for flag in (0, -3, -5):  # land, open water and pole hole are the same in all four
        assert ((stack == flag).any(axis=0) == (stack == flag).all(axis=0)).all()


def test_dates_follow_latitude() -> None:
    fields = draw(2019, 1)

    def mean(name: str, latitude: float, longitude: float) -> float:
        around = cells_at(latitude + np.linspace(-1, 1, 20), longitude + np.linspace(-2, 2, 20))
        values = fields[name].ravel()[around]  # type: ignore[index]
        return float(values[values > 0].mean())

    assert mean("Melt", 52.0, -54.5) < mean("Melt", 67.0, -60.0) < mean("Melt", 85.0, -150.0)
    assert mean("Freeze", 67.0, -60.0) > mean("Freeze", 85.0, -150.0)


def test_a_year_does_not_depend_on_the_others(tmp_path: Path) -> None:
    write_melt_maps(tmp_path / "one", [2019], seed=2)
    write_melt_maps(tmp_path / "two", [2020, 2019], seed=2)
    one, two = MeltMaps.open(tmp_path / "one"), MeltMaps.open(tmp_path / "two")
    np.testing.assert_array_equal(one.days(2019, "Melt"), two.days(2019, "Melt"))
    assert (two.days(2019, "Melt") != two.days(2020, "Melt")).any()
    assert (draw(2019, 3)["Melt"] != one.days(2019, "Melt")).any()


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="give one or more years of four digits"):
        write_melt_maps(tmp_path, [], seed=0)
    with pytest.raises(SampleError, match="four digits"):
        write_melt_maps(tmp_path, [18], seed=0)
    with pytest.raises(SampleError, match="the seed -1 is negative"):
        write_melt_maps(tmp_path, [2018], seed=-1)
    (tmp_path / "file").touch()
    with pytest.raises(SampleError, match="is a file: give a folder for the melt maps"):
        write_melt_maps(tmp_path / "file", [2018], seed=0)
