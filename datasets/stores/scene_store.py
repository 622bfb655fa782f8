"""`SceneStore`: one scene as one Zarr v3 store, read. `scene_writer` writes it and says how it is laid out.

Together with `datasets.lake`, the writer and `shards` the only module that knows zarr.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datasets.access import access, storage_options
from datasets.errors import SceneNotFoundError
from datasets.prefixes import sizes
from datasets.stores.attributes import from_attribute
from datasets.stores.packing import Packing
from datasets.stores.shard_layout import ShardedArray, Window, layout_of
from datasets.stores.shards import read_windows

if TYPE_CHECKING:  # commands that only say how they are called import this module, and these cost a second
    import xarray as xr
    import zarr


class SceneStore:
    """Reads one scene store.

    Raises:
        SceneNotFoundError: There is no finished store at the URL.
    """

    def __init__(self, url: str) -> None:
        import zarr

        self.url = url
        try:
            with access(url):
                self._root = zarr.open_group(url, mode="r", zarr_format=3, storage_options=storage_options(url))
        except FileNotFoundError as error:
            raise SceneNotFoundError(
                f"there is no finished scene store at {url!r}: build the scene with `python -m ingest build`"
            ) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise SceneNotFoundError(
                f"the zarr.json of the scene store at {url!r} is torn: build the scene again with `python -m ingest "
                "build`"
            ) from error
        if "record" not in self._root.attrs:
            raise SceneNotFoundError(f"the Zarr store at {url!r} carries no scene record: it is no scene of a lake")
        self._objects = self.objects
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._layouts: dict[str, ShardedArray | None] = {}
        self._stored: dict[str, tuple[np.dtype[Any], Packing | None]] = {}
        self._indexes: dict[str, NDArray[np.uint64]] = {}

    @property
    def attributes(self) -> Mapping[str, Any]:
        """All attributes of the root."""
        return self._root.attrs.asdict()

    @property
    def record(self) -> Mapping[str, Any]:
        """The scene's record as JSON content."""
        return self._attribute("record")

    @property
    def moments(self) -> Mapping[str, Mapping[str, tuple[int, float, float]]]:
        """Count, mean and M2 by group and channel."""
        return self._attribute("moments")

    @property
    def objects(self) -> Mapping[str, int]:
        """Size in bytes of every object but the root document, by its key; shards of only the fill value have none."""
        return self._attribute("objects")

    def group_attributes(self, group: str) -> Mapping[str, Any]:
        """Attributes of a group; raises SceneNotFoundError if the scene does not have it."""
        self._check(group)
        found: Mapping[str, Any] = self._root[group].attrs.asdict()
        return found

    def has_group(self, group: str) -> bool:
        """Whether the scene has it."""
        return group in self._root

    def array_attributes(self, group: str, name: str) -> dict[str, Any]:
        """Attributes of an array."""
        return self._array(group, name).attrs.asdict()

    def found_objects(self) -> Mapping[str, int]:
        """Size in bytes of every object that is there."""
        return sizes(self.url)

    def array_names(self) -> tuple[str, ...]:
        """Keys of all arrays, `r2/SOD`, in order."""
        return tuple(sorted(f"{group}/{name}" for group, found in self._root.groups() for name in found.array_keys()))

    def shape(self, group: str, name: str) -> tuple[int, ...]:
        """Shape of an array."""
        return self._array(group, name).shape

    def stored(self, group: str, name: str) -> tuple[np.dtype[Any], Packing | None]:
        """Type of an array in the store, and how its numbers become physical values; None where they are."""
        key = f"{group}/{name}"
        if key not in self._stored:
            array = self._array(group, name)
            self._stored[key] = (array.dtype, Packing.of(array.dtype.name, array.attrs.asdict()))
        return self._stored[key]

    def dataset(self, group: str) -> "xr.Dataset":
        """Opens a group lazily; raises SceneNotFoundError if the scene does not have it."""
        import xarray as xr

        self._check(group)
        with access(self.url):
            stored = xr.open_zarr(
                self.url,
                group=group,
                chunks=None,
                zarr_format=3,
                mask_and_scale=False,
                storage_options=storage_options(self.url),
            )
        for variable in stored.variables.values():
            if "scale_factor" in variable.attrs:  # JSON knows one kind of number, and xarray would make float64 of it
                variable.attrs["scale_factor"] = np.float32(variable.attrs["scale_factor"])
        dataset: xr.Dataset = xr.decode_cf(stored)
        return dataset

    def read(self, group: str, name: str, window: Window = ()) -> NDArray[np.generic]:
        """Reads a window of an array in physical units; see `read_many`."""
        return self.read_many({f"{group}/{name}": window})[f"{group}/{name}"]

    def read_many(
        self, windows: Mapping[str, Window], out: Mapping[str, NDArray[Any]] | None = None, *, packed: bool = False
    ) -> dict[str, NDArray[Any]]:
        """Reads windows of many arrays, all at the same time: one or two rounds of requests, however many arrays.

        Args:
            windows: By key of the array, `r2/SOD`: one slice for each axis, without a step; `()` is the whole array.
            out: Arrays of that size for some of the values, by the same keys; without, they are made.
            packed: Gives packed arrays as they are stored, in whole numbers; see `datasets.stores.packing`.

        Returns:
            By the same keys. Where the array is made here: float32 in physical units, NaN = no data, for packed ones,
            else of the dtype as stored.

        Raises:
            SceneNotFoundError: The scene has no such variable.
            DamagedSceneError: An object is gone or is not what was written.
        """
        for key in windows.keys() - self._layouts.keys():
            self._array(*key.split("/", 1))
        places = out or {}
        direct = [(layout, windows[key]) for key in windows if (layout := self._layouts[key]) is not None]
        wanted = [places.get(layout.key) for layout, _ in direct]
        read = read_windows(self.url, self._objects, direct, wanted, packed=packed, indexes=self._indexes)
        found = {layout.key: values for (layout, _), values in zip(direct, read, strict=True)}
        if len(found) == len(windows):
            return found
        for key in windows.keys() - found.keys():
            with access(self.url):
                found[key] = _physical(self._arrays[key], windows[key], packed=packed)
            if key in places:
                places[key][...] = found[key]
                found[key] = places[key]
        return {key: found[key] for key in windows}

    def _array(self, group: str, name: str) -> "zarr.Array[Any]":
        import zarr

        key = f"{group}/{name}"
        if key not in self._arrays:
            self._check(group)
            found = self._root.get(key)
            if not isinstance(found, zarr.Array):
                raise SceneNotFoundError(
                    f"{self.url!r} has no variable {key!r}; see `python -m datasets show LAKE SCENE`"
                )
            self._arrays[key] = found
            # Only where all objects are listed does one that is not there mean fill value.
            listed = "objects" in self._root.attrs
            self._layouts[key] = layout_of(key, found.metadata.to_dict(), found.fill_value) if listed else None
        return self._arrays[key]

    def _attribute(self, name: str) -> Mapping[str, Any]:
        return from_attribute(self._root.attrs.asdict().get(name, {}))

    def _check(self, group: str) -> None:
        if group not in self._root:
            have = ", ".join(sorted(name for name, _ in self._root.groups()))
            raise SceneNotFoundError(
                f"{self.url!r} has no group {group!r}, it has {have}: build the ratio with "
                "`python -m ingest build --ratios`"
            )


def _physical(array: "zarr.Array[Any]", window: Window, *, packed: bool) -> NDArray[Any]:
    """A window of an array that zarr reads."""
    stored = np.asarray(array[window])
    packing = None if packed else Packing.of(stored.dtype.name, array.attrs.asdict())
    if packing is None:
        return stored
    values = np.empty(stored.shape, np.float32)
    packing.unpack(stored, values)
    return values
