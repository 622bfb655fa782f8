"""`RasterWriter`: one data set as a Zarr v3 store on disk, written block by block, and seen when it is whole."""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import zarr
import zarr.codecs
from numpy.typing import NDArray

_LEVEL: Final = 3


class RasterWriter:
    """Writes beside the place of the store; leaving the context without an error moves it there in one step.

    What stood there before is replaced then. Blocks whose borders are those of chunks are written once; a block may
    come from any thread.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(f".{path.name}.part")

    def __enter__(self) -> Self:
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._root = zarr.create_group(self._part, zarr_format=3)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            shutil.rmtree(self._part, ignore_errors=True)
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # inline metadata is not in the text of format 3 yet; readers may ignore it
            zarr.consolidate_metadata(self._part)
        if self._path.exists():
            shutil.rmtree(self._path)
        self._part.replace(self._path)

    def describe(self, attributes: Mapping[str, Any]) -> None:
        """Gives the data set its attributes."""
        self._root.attrs.update(attributes)

    def array(
        self,
        name: str,
        *,
        dims: Sequence[str],
        shape: Sequence[int],
        chunks: Sequence[int],
        dtype: str,
        attributes: Mapping[str, Any],
    ) -> None:
        """Adds an array; pixels that are never written, and chunks of nothing else, hold its `_FillValue`."""
        self._root.create_array(
            name,
            shape=tuple(shape),
            chunks=tuple(min(chunk, size) for chunk, size in zip(chunks, shape, strict=True)),
            dtype=dtype,
            compressors=(zarr.codecs.BloscCodec(cname="zstd", clevel=_LEVEL, shuffle="shuffle"),),
            fill_value=attributes.get("_FillValue", 0),
            dimension_names=dims,
            attributes=dict(attributes),
        )

    def put(self, name: str, place: tuple[slice, ...], values: NDArray[np.generic]) -> None:
        """Writes a block."""
        array: Any = self._root[name]
        array[place] = values
