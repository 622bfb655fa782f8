"""A netCDF file of the archive, decoded whatever its encoding."""

from collections.abc import Iterator
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ingest.archive_file import ArchiveFile
from ingest.errors import RawSceneError


@pytest.fixture
def file(tmp_path: Path) -> Iterator[ArchiveFile]:
    path = tmp_path / "scene.nc"
    with netCDF4.Dataset(path, "w") as data:
        data.spacing = "80"
        for name, size in (("sar_lines", 600), ("sar_samples", 4), ("2km_grid_lines", 12), ("text", 3)):
            data.createDimension(name, size)
        packed = data.createVariable("hh", "i2", ("sar_lines", "sar_samples"), fill_value=-9, chunksizes=(100, 4))
        packed.scale_factor = 0.5
        packed[:] = np.arange(2400).reshape(600, 4) / 2
        packed[0, 1] = np.ma.masked
        data.createVariable("codes", "S1", ("2km_grid_lines", "text"))[:] = [[b"7", b" ", b"\0"]] * 12
    opened = ArchiveFile(str(path))
    yield opened
    opened.close()


def test_packed_values_are_numbers_with_nan(file: ArchiveFile) -> None:
    expected = np.arange(2400.0).reshape(600, 4) / 2
    expected[0, 1] = np.nan
    np.testing.assert_array_equal(file.whole("hh"), expected)
    assert file.stored_dtype("hh") == np.int16
    assert file.texts("codes") == ["7"] * 12
    assert (file.number("spacing"), file.number("nothing"), file.attribute("nothing")) == (80.0, None, None)


def test_strips_are_whole_chunks_that_make_the_raster(file: ArchiveFile) -> None:
    strips = list(file.strips("hh"))
    assert [(rows.start, rows.stop) for rows, _ in strips] == [(0, 200), (200, 400), (400, 600)]
    np.testing.assert_array_equal(np.concatenate([values for _, values in strips]), file.whole("hh"))


def test_what_the_file_lacks_is_named(file: ArchiveFile) -> None:
    with pytest.raises(RawSceneError, match="lacks the dimension 2km_grid_samples"):
        file.check_coarse_grid(50, "raw")
    with pytest.raises(RawSceneError, match="lacks hv: take the raw file"):
        file.check_names(["hh", "hv"], "raw")
    with pytest.raises(RawSceneError, match=r"hh of .* has dims"):
        file.check_dims(["hh"], ("sar_samples", "sar_lines"), "raw")
