"""`ArchiveFile`: one netCDF file of the archives in any encoding, opened once and read in strips.

xarray decodes it: packed values (`scale_factor`, `add_offset`) and `_FillValue` become numbers with NaN, characters
become text. A file at a URL is copied to this machine while it is open. `ingest.raw` and `ingest.ready_to_train` check
which product the file is, and whether it is complete.
"""

from collections.abc import Hashable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets.errors import LakeAccessError
from datasets.storage import at_hand
from ingest.errors import RawSceneError

_STRIP_LINES: Final = 256


class ArchiveFile:
    """An open netCDF file.

    Attributes:
        path: Path or URL.

    Raises:
        RawSceneError: The file is no netCDF.
        LakeAccessError: The store of a URL cannot be reached.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._copy = ExitStack()
        try:
            local = self._copy.enter_context(at_hand(path))  # the netCDF library reads files
            self._data = xr.open_dataset(local, engine="netcdf4", decode_times=False, cache=False)
        except LakeAccessError:
            raise
        except (OSError, ValueError) as error:
            self._copy.close()
            reason = getattr(error, "strerror", None) or error
            raise RawSceneError(
                f"{path!r} cannot be read as netCDF ({reason}): take the file from the archive again"
            ) from error

    def close(self) -> None:
        """Closes the file; nothing can be read afterwards."""
        self._data.close()
        self._copy.close()

    def __contains__(self, name: str) -> bool:
        return name in self._data.variables

    def size(self, dim: str) -> int:
        """Length of a dimension; raises RawSceneError if the file lacks it."""
        if dim not in self._data.sizes:
            raise RawSceneError(f"{self.path!r} lacks the dimension {dim}: take the file from the archive again")
        return int(self._data.sizes[dim])

    def dims(self, name: str) -> tuple[Hashable, ...]:
        """Dimensions of a variable, slow first."""
        return tuple(self._data[name].dims)

    def shape(self, name: str) -> tuple[int, ...]:
        """Lengths of the axes of a variable."""
        return tuple(self._data[name].shape)

    def stored_dtype(self, name: str) -> np.dtype[Any]:
        """Type of a variable on disk, before decoding."""
        stored: np.dtype[Any] = np.dtype(self._data[name].encoding.get("dtype", self._data[name].dtype))
        return stored

    def attribute(self, name: str) -> object:
        """A global attribute, None if there is none of that name."""
        return self._data.attrs.get(name)

    def number(self, name: str, variable: str | None = None) -> float | None:
        """A number among the attributes of the file or of a variable; None if there is none, or it is no number."""
        attributes = self._data.attrs if variable is None else self._data[variable].attrs
        try:
            return float(np.asarray(attributes[name]).item())
        except (KeyError, ValueError):
            return None

    def attributes(self, name: str) -> dict[str, object]:
        """Attributes of a variable, unchanged."""
        return dict(self._data[name].attrs)

    def texts(self, name: str) -> list[str]:
        """A variable of netCDF strings, characters or bytes, as text without padding."""
        values = self._decoded(name, slice(None)).tolist()
        return [(row.decode() if isinstance(row, bytes) else str(row)).strip("\0 ") for row in values]

    def whole(self, name: str) -> NDArray[Any]:
        """A variable at once."""
        return self._decoded(name, slice(None))

    def strips(self, name: str) -> Iterator[tuple[slice, NDArray[Any]]]:
        """A raster in strips of whole chunks, so that decoding never holds a second raster in memory."""
        lines = int(self._data[name].shape[0])
        chunk = (self._data[name].encoding.get("chunksizes") or (1,))[0]
        step = max(_STRIP_LINES // chunk, 1) * chunk
        for start in range(0, lines, step):
            rows = slice(start, min(start + step, lines))
            yield rows, self._decoded(name, rows)

    def check_names(self, needed: Iterable[str], product: str) -> None:
        """Raises RawSceneError if a variable of the product is missing."""
        missing = [name for name in needed if name not in self]
        if missing:
            raise RawSceneError(
                f"{self.path!r} lacks {', '.join(missing)}: take the {product} file from the archive again"
            )

    def check_dims(self, names: Iterable[str], dims: tuple[str, ...], product: str) -> None:
        """Raises RawSceneError if a variable lies on another grid."""
        for name in names:
            if self.dims(name) != dims:
                raise RawSceneError(
                    f"{name} of {self.path!r} has dims {self.dims(name)}, expected {dims}: "
                    f"take the {product} file from the archive again"
                )

    def check_coarse_grid(self, cell: int, product: str) -> None:
        """Raises RawSceneError if the 2 km grid does not lie on the SAR grid.

        Args:
            cell: Side of a 2 km cell in pixels of the file; pixels at the end that do not fill a cell may have one or
                none.
            product: For the message.
        """
        for dim, coarse in (("sar_lines", "2km_grid_lines"), ("sar_samples", "2km_grid_samples")):
            pixels, cells = self.size(dim), self.size(coarse)
            if not pixels // cell <= cells <= -(-pixels // cell) or cells == 0:
                raise RawSceneError(
                    f"{self.path!r} has {pixels} {dim} and {cells} {coarse}, expected {pixels // cell} "
                    f"(one cell is {cell} pixels): take the {product} file from the archive again"
                )

    def _decoded(self, name: str, rows: slice) -> NDArray[Any]:
        try:
            values: NDArray[Any] = self._data[name][rows].values
        except (OSError, RuntimeError) as error:
            raise RawSceneError(
                f"{name} of {self.path!r} cannot be decoded ({error}): the file is damaged, take it from the archive "
                "again"
            ) from error
        return values
