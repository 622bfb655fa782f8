"""Variables that both products have, as they are read."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.archive_file import ArchiveFile
from ingest.errors import RawSceneError
from ingest.variables import HH, SAR_DIMS, read_sar


def _read(folder: Path, values: NDArray[np.float32], fill: float | None = None) -> NDArray[np.float32]:
    path = folder / "scene.nc"
    with netCDF4.Dataset(path, "w") as data:
        for name, size in zip(SAR_DIMS, values.shape, strict=True):
            data.createDimension(name, size)
        data.createVariable(HH, "f4", SAR_DIMS)[:] = values
    file = ArchiveFile(str(path))
    try:
        return read_sar(file, HH, fill)
    finally:
        file.close()


@pytest.mark.parametrize("fill", [None, 0.0])
def test_infinite_values_and_the_fill_value_are_no_data_beside_nan_too(tmp_path: Path, fill: float | None) -> None:
    values = np.random.default_rng(0).normal(-15, 3, (600, 7)).astype(np.float32)
    values[:, :2] = np.nan
    values[3, 3], values[300, 4], values[599, 5], values[70, 6] = np.inf, -np.inf, np.nan, 0
    expected = np.where(np.isinf(values) | (values == fill), np.nan, values)
    np.testing.assert_array_equal(_read(tmp_path, values, fill), expected)


@pytest.mark.parametrize(("value", "fill"), [(np.nan, None), (np.inf, None), (-1.0, -1.0)])
def test_a_variable_without_data_is_refused(tmp_path: Path, value: float, fill: float | None) -> None:
    with pytest.raises(RawSceneError, match="no valid pixel"):
        _read(tmp_path, np.full((300, 5), value, np.float32), fill)
