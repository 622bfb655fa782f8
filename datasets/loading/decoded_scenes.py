"""Whole variables of scenes, decoded once for all trials of a node; `scene_reader` takes windows of them."""

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS, LAND
from datasets.lake import Lake
from datasets.loading.compressed_file import CompressedArray
from datasets.loading.node_cache import NodeCache
from datasets.scene import Scene
from datasets.stores.scene_writer import SHARD
from datasets.tie_grid import TIE_CHANNELS

STEP_BYTES: Final = 256 << 20
"""Of one step of decoding; what is decoded and what it is decoded from, two of them at most, are in memory together."""

_ENOUGH: Final = 0.8
"""A cache with room for this share of the scenes holds them as they are decoded: to decode a fifth of the patches from
chunks takes no longer than all of them from compressed squares."""


def decoding_steps(
    names: Sequence[str], shape: tuple[int, int], itemsize: int, *, most_bytes: int = STEP_BYTES
) -> Iterator[tuple[tuple[str, ...], slice]]:
    """How whole variables of a scene are decoded in bounded memory, in C order and no shard twice.

    Several small variables are read at once, since object storage has a high latency; a variable that is too large is
    read by rows of shards.

    Args:
        names: Of the variables, in order.
        shape: Lines and samples of each.
        itemsize: Bytes of a pixel.
        most_bytes: Of one step, decoded; a row of shards is never cut.

    Yields:
        Names, and lines.
    """
    plane = shape[0] * shape[1] * itemsize
    at_once = max(most_bytes // max(plane, 1), 1)
    step = shape[0] if plane <= most_bytes else SHARD
    for first in range(0, len(names), at_once):
        for line in range(0, shape[0], step):
            yield tuple(names[first : first + at_once]), slice(line, min(line + step, shape[0]))


class DecodedScenes:
    """The variables of the scenes of one lake at one ratio.

    Cheap to make and to send to another process; stores and maps are opened by the process that reads.

    Args:
        lake: Where the scenes are.
        ratio: Downscale ratio.
        cache: Decoded arrays of this node; None keeps none but those of 2 km.

    Attributes:
        sar: The SAR channels of the lake. All are cached together, so that trials with other inputs share the arrays;
            `km2`, those on the grid of 2 km, likewise.
    """

    def __init__(self, lake: Lake, ratio: int, cache: NodeCache | None) -> None:
        self._lake, self._ratio, self._cache = lake, ratio, cache
        known = lake.channels(f"r{ratio}")
        self.sar = tuple(name for name in CHANNELS if name in known and name not in (*TIE_CHANNELS, LAND))
        self._scenes: dict[str, Scene] = {}
        self._coarse_arrays: dict[str, NDArray[np.float32]] = {}
        self._entries: dict[tuple[str, tuple[str, ...]], tuple[str, tuple[int, ...], np.dtype[Any]]] = {}

    def __getstate__(self) -> dict[str, object]:
        """Every copy, in this process or another, opens its own stores."""
        return {**self.__dict__, "_scenes": {}, "_coarse_arrays": {}}

    @cached_property
    def km2(self) -> tuple[str, ...]:
        """Channels on the grid of 2 km."""
        known = self._lake.channels("km2")
        return tuple(name for name in CHANNELS if name in known)

    def scene(self, scene_id: str) -> Scene:
        """The scene, opened once."""
        if scene_id not in self._scenes:
            self._scenes[scene_id] = self._lake.scene(scene_id)
        return self._scenes[scene_id]

    def on_sar_grid(self, scene_id: str, names: tuple[str, ...]) -> NDArray[Any] | CompressedArray | None:
        """Variables of one dtype on the grid of the ratio, (names, lines, samples), as stored, from the node's cache.

        Whole numbers are compressed there if that makes room for more scenes.

        Returns:
            None if they are to be read by window.
        """
        if self._cache is None:
            return None
        if (scene_id, names) not in self._entries:
            scene = self.scene(scene_id)
            whole = (len(names), *scene.shape(self._ratio))
            key = self._key(scene_id, f"r{self._ratio}", names)
            self._entries[scene_id, names] = key, whole, scene.stored(self._ratio, names[0])[0]
        key, shape, dtype = self._entries[scene_id, names]
        if dtype.kind in "iu" and self._is_crowded:
            return self._cache.compressed(key, shape, dtype, partial(self._stacks, scene_id, names, dtype))
        return self._cache.array(key, shape, dtype, partial(self._planes, scene_id, names, dtype))

    def on_km2_grid(self, scene_id: str) -> NDArray[np.float32]:
        """All channels of 2 km, (km2, lines, samples), NaN = no data: small enough to be held where no cache is."""
        if scene_id in self._coarse_arrays:
            return self._coarse_arrays[scene_id]
        scene = self.scene(scene_id)
        if self._cache is not None:
            shape = (len(self.km2), *scene.km2_shape(self.km2[0]))
            key = self._key(scene_id, "km2", self.km2)
            found = self._cache.array(key, shape, np.dtype(np.float32), lambda: [self._decoded_km2(scene)])
            if found is not None:
                return found
        self._coarse_arrays[scene_id] = self._decoded_km2(scene)
        return self._coarse_arrays[scene_id]

    @cached_property
    def _is_crowded(self) -> bool:
        """Whether the cache is too small for most scenes of the lake, with one chart, at this ratio.

        That is asked of the lake and not of a trial's scenes, so that all trials of a node share what is kept.
        """
        catalog = self._lake.catalog()
        read = catalog.take(catalog.having("split", "train") | catalog.having("split", "test"))
        pixels = np.sum((read.column("lines") // self._ratio) * (read.column("samples") // self._ratio), dtype=np.int64)
        assert self._cache is not None
        return _ENOUGH * int(pixels) * (2 * len(self.sar) + 2) > self._cache.max_bytes

    def _planes(self, scene_id: str, names: tuple[str, ...], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
        """Whole variables in C order, in pieces of bounded size."""
        for some, lines in decoding_steps(names, self.scene(scene_id).shape(self._ratio), dtype.itemsize):
            yield self._stack(scene_id, some, lines, dtype)

    def _stacks(self, scene_id: str, names: tuple[str, ...], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
        """All variables by lines, in pieces of bounded size."""
        shape, itemsize = self.scene(scene_id).shape(self._ratio), len(names) * dtype.itemsize
        for _, lines in decoding_steps(names[:1], shape, itemsize):
            yield self._stack(scene_id, names, lines, dtype)

    def _stack(self, scene_id: str, names: tuple[str, ...], lines: slice, dtype: np.dtype[Any]) -> NDArray[Any]:
        scene = self.scene(scene_id)
        stack = np.empty((len(names), lines.stop - lines.start, scene.shape(self._ratio)[1]), dtype)
        places = dict(zip(names, stack, strict=True))
        scene.windows(self._ratio, names, lines, slice(None), places, packed=True)
        return stack

    def _decoded_km2(self, scene: Scene) -> NDArray[np.float32]:
        found = scene.whole(self._ratio, self.km2)
        return np.stack([found[name] for name in self.km2]).astype(np.float32)

    def _key(self, scene_id: str, group: str, names: tuple[str, ...]) -> str:
        """Names the content: a scene that is built again with other pixels or another recipe is another array."""
        record = self.scene(scene_id).record
        return "/".join((scene_id, group, record.recipe, record.fingerprint, *names))
