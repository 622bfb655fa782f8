"""`RawScene`: one raw AI4Arctic netCDF file, checked when it is opened and read one variable at a time."""

from types import TracebackType
from typing import Final, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.grids import KM2_PIXELS
from ingest.charts import NO_POLYGON
from ingest.errors import RawSceneError

HH: Final = "nersc_sar_primary"
HV: Final = "nersc_sar_secondary"
CHART: Final = "polygon_icechart"
CODES: Final = "polygon_codes"
DISTANCE: Final = "distance_map"
TIE_POINTS: Final = tuple(
    f"sar_grid_{name}" for name in ("line", "sample", "latitude", "longitude", "incidenceangle", "height")
)
KM2: Final = tuple(name for name, channel in CHANNELS.items() if channel.grid == "km2")
KM2_MAPS: Final = ("amsr2_swath_map", "swath_segmentation")

_SAR_DIMS: Final = ("sar_lines", "sar_samples")
_KM2_DIMS: Final = ("2km_grid_lines", "2km_grid_samples")


class RawScene:
    """An open raw file; use as a context.

    Raises:
        RawSceneError: The file is no netCDF, lacks a variable, or its grids do not fit together.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._data = xr.open_dataset(path, engine="netcdf4", decode_times=False, cache=False)
        except (OSError, ValueError) as error:
            raise RawSceneError(
                f"{path!r} cannot be read as netCDF ({error}): take the file from the archive again"
            ) from error
        try:
            self._check()
        except RawSceneError:
            self._data.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._data.close()

    @property
    def shape(self) -> tuple[int, int]:
        """SAR lines and samples."""
        return self._data.sizes[_SAR_DIMS[0]], self._data.sizes[_SAR_DIMS[1]]

    @property
    def codes(self) -> list[str]:
        """Rows of polygon_codes, the header first."""
        values = self._data[CODES].values
        return [row.decode() if isinstance(row, bytes) else str(row) for row in values.tolist()]

    def sar(self, name: str) -> NDArray[np.float32]:
        """One SAR-grid variable whole, (lines, samples) float32, NaN = no data.

        Raises:
            RawSceneError: It holds no data at all.
        """
        values = self._read(name).astype(np.float32, copy=False)
        if not np.isfinite(values[:: max(1, values.shape[0] // 64)]).any() and not np.isfinite(values).any():
            raise RawSceneError(f"{name} of {self.path!r} holds no valid pixel: the scene cannot be used, leave it out")
        return values

    def polygon_ids(self) -> NDArray[np.uint16]:
        """Raster of polygon ids, (lines, samples) uint16, `NO_POLYGON` on land and outside the chart.

        Raises:
            RawSceneError: The chart is empty, or holds something that is no id.
        """
        values = self._read(CHART)
        if np.issubdtype(values.dtype, np.floating):
            missing = np.isnan(values)
            values[missing] = NO_POLYGON
        if values.min() < 0 or values.max() > NO_POLYGON:
            raise RawSceneError(
                f"{CHART} of {self.path!r} holds ids from {values.min()} to {values.max()}, "
                f"allowed are 0 to {NO_POLYGON - 1}: take the file from the archive again"
            )
        ids = values.astype(np.uint16)
        if (ids != values).any():
            raise RawSceneError(
                f"{CHART} of {self.path!r} holds ids that are not whole: take the file from the archive again"
            )
        if ids.min() == NO_POLYGON:
            raise RawSceneError(
                f"the ice chart of {self.path!r} is empty ({CHART} has no polygon): the scene has no label, leave it "
                "out"
            )
        return ids

    def tie_points(self) -> dict[str, NDArray[np.float64]]:
        """The geolocation points as they came, (sar_grid_points,) float64 each."""
        return {name: self._read(name).astype(np.float64) for name in TIE_POINTS}

    def km2(self, name: str) -> NDArray[np.generic]:
        """One variable of the 2 km grid: float32 in physical units for channels, uint8 for the swath maps."""
        values = self._read(name)
        return values.astype(np.uint8 if name in KM2_MAPS else np.float32)

    def attributes(self, name: str) -> dict[str, object]:
        """Attributes of a variable as they came."""
        return dict(self._data[name].attrs)

    def _read(self, name: str) -> NDArray[np.generic]:
        try:
            values: NDArray[np.generic] = self._data[name].values
        except (OSError, RuntimeError) as error:
            raise RawSceneError(
                f"{name} of {self.path!r} cannot be decoded ({error}): the file is damaged, take it from the archive "
                "again"
            ) from error
        return values

    def _check(self) -> None:
        needed = (HH, HV, CHART, CODES, DISTANCE, *TIE_POINTS, *KM2, *KM2_MAPS)
        missing = [name for name in needed if name not in self._data.variables]
        if missing:
            hint = (
                "the first release of the test scenes has no charts, take the second one"
                if {CHART, CODES} >= set(missing)
                else "take the raw file (not the ready-to-train one) from the archive again"
            )
            raise RawSceneError(f"{self.path!r} lacks {', '.join(missing)}: {hint}")
        for names, dims in (((HH, HV, CHART, DISTANCE), _SAR_DIMS), ((*KM2, *KM2_MAPS), _KM2_DIMS)):
            for name in names:
                if self._data[name].dims != dims:
                    raise RawSceneError(
                        f"{name} of {self.path!r} has dims {self._data[name].dims}, expected {dims}: "
                        "take the raw file from the archive again"
                    )
        for dim, coarse in zip(_SAR_DIMS, _KM2_DIMS, strict=True):
            pixels, cells = self._data.sizes[dim], self._data.sizes[coarse]
            if not pixels // KM2_PIXELS <= cells <= -(-pixels // KM2_PIXELS) or cells == 0:
                raise RawSceneError(
                    f"{self.path!r} has {pixels} {dim} and {cells} {coarse}, expected {pixels // KM2_PIXELS} "
                    f"(one cell is {KM2_PIXELS} pixels): take the raw file from the archive again"
                )
