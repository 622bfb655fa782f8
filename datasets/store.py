"""One scene as one Zarr v3 store: how its arrays are written and read back.

Together with `datasets.lake` the only module that knows zarr. A store becomes visible in one step: every array is
written under its own key first, the root document last, and without a root document neither xarray nor zarr opens
anything. So a build that dies leaves no store that a reader could take for whole, on disk and in object storage alike.
"""

import warnings
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final

import fsspec
import numpy as np
import xarray as xr
import zarr
import zarr.codecs
from numpy.typing import NDArray

from datasets.errors import SceneNotFoundError

CHUNK: Final = 512
"""Side of a chunk: a 256 patch touches at most four."""

SHARD: Final = 8 * CHUNK
"""Largest side of a shard: a full-size scene is 3 x 3 objects a variable at ratio 1 and 2 x 2 at ratio 2."""

_COMPRESSORS = (zarr.codecs.BloscCodec(cname="zstd", clevel=5, shuffle="shuffle"),)
"""Byte shuffle, not bit shuffle: 8 % smaller on SAR noise and 2 to 3 times smaller on the smooth fields
(incidence, latitude, distance), at the same speed."""


def chunks_and_shards(shape: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunk and shard shape of an array: near 512 x 512, in as few objects as 4096 x 4096 allows."""
    chunks = tuple(min(CHUNK, size) for size in shape)
    shards = tuple(min(SHARD, -(-size // chunk) * chunk) for size, chunk in zip(shape, chunks, strict=True))
    return chunks, shards


class SceneStore:
    """Reads one scene store.

    Raises:
        SceneNotFoundError: There is no finished store at the URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._root = zarr.open_group(url, mode="r", zarr_format=3)
        except FileNotFoundError as error:
            raise SceneNotFoundError(
                f"there is no finished scene store at {url!r}: build the scene with `python -m ingest build`"
            ) from error
        if "record" not in self._root.attrs:
            raise SceneNotFoundError(f"the Zarr store at {url!r} carries no scene record: it is no scene of a lake")
        self._arrays: dict[str, zarr.Array[Any]] = {}

    @property
    def record(self) -> Mapping[str, Any]:
        """The scene's record as JSON content."""
        return self._attribute("record")

    @property
    def moments(self) -> Mapping[str, Mapping[str, tuple[int, float, float]]]:
        """Count, mean and M2 by group and channel."""
        return self._attribute("moments")

    def dataset(self, group: str) -> xr.Dataset:
        """Opens a group lazily; raises SceneNotFoundError if the scene does not have it."""
        self._check(group)
        dataset: xr.Dataset = xr.open_zarr(self.url, group=group, chunks=None, zarr_format=3)
        return dataset

    def read(self, group: str, name: str, window: tuple[slice, slice]) -> NDArray[np.generic]:
        """Reads a window of an array as stored."""
        key = f"{group}/{name}"
        if key not in self._arrays:
            self._check(group)
            found = self._root.get(key)
            if not isinstance(found, zarr.Array):
                raise SceneNotFoundError(
                    f"{self.url!r} has no variable {key!r}; see `python -m datasets show LAKE SCENE`"
                )
            self._arrays[key] = found
        return np.asarray(self._arrays[key][window])

    def _attribute(self, name: str) -> Mapping[str, Any]:
        content: Any = self._root.attrs.asdict()[name]
        return dict(content)

    def _check(self, group: str) -> None:
        if group not in self._root:
            have = ", ".join(sorted(name for name, _ in self._root.groups()))
            raise SceneNotFoundError(
                f"{self.url!r} has no group {group!r}, it has {have}: build the ratio with "
                "`python -m ingest build --ratios`"
            )


class SceneWriter:
    """Writes one scene store; used as a context, everything is removed again unless `finish` was reached."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._finished = False

    def __enter__(self) -> "SceneWriter":
        self._remove()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._remove()

    def array(
        self,
        group: str,
        name: str,
        values: NDArray[np.generic],
        *,
        dims: Sequence[str],
        fill: float | int,
        attributes: Mapping[str, Any],
    ) -> None:
        """Writes one array whole: chunked, sharded, with CF attributes.

        Args:
            group: `r2`, `km2` or `tie_points`.
            name: Variable name.
            values: The array; its dtype is kept.
            dims: One name an axis.
            fill: Zarr fill value; chunks that hold nothing else are not stored.
            attributes: CF attributes.
        """
        chunks, shards = chunks_and_shards(values.shape)
        # The array is the root of its own store, so that zarr writes no group document above it.
        array = zarr.create_array(
            f"{self.url}/{group}/{name}",
            shape=values.shape,
            dtype=values.dtype,
            chunks=chunks,
            shards=shards,
            compressors=_COMPRESSORS,
            fill_value=fill,
            dimension_names=dims,
            attributes=dict(attributes),
            zarr_format=3,
        )
        array[...] = values

    def finish(self, attributes: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes the store visible: group documents, then the root with the record and all metadata in one object."""
        for group, group_attributes in groups.items():
            zarr.create_group(f"{self.url}/{group}", attributes=dict(group_attributes), zarr_format=3)
        zarr.create_group(self.url, attributes=dict(attributes), zarr_format=3)
        with warnings.catch_warnings():
            # zarr warns that consolidated metadata is not yet in the format-3 text; it opens a scene in one request
            # and readers that do not know it ignore it ("must_understand": false).
            warnings.filterwarnings("ignore", message="Consolidated metadata", category=UserWarning)
            zarr.consolidate_metadata(self.url, zarr_format=3)
        self._finished = True

    def _remove(self) -> None:
        filesystem, path = fsspec.core.url_to_fs(self.url)
        root = f"{path}/zarr.json"
        if filesystem.exists(root):
            filesystem.rm(root)  # first, so that nobody opens what is about to go
        if filesystem.exists(path):
            filesystem.rm(path, recursive=True)
