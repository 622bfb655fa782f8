"""`ArrayQueue`: arrays of one scene that wait to be encoded while the next ones are read and computed."""

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from typing import Final

from datasets.stores.packing import Packing
from datasets.stores.raster import Raster
from datasets.stores.scene_writer import Codec, SceneWriter

_FACTOR: Final = 1.1
"""Of a raster of 40 m: what may wait to be written. The raster at work and the one being read come on top."""


class ArrayQueue:
    """Writes arrays in the given thread; what waits there is little more than one raster.

    Encoding and decoding so share the processors.
    """

    def __init__(self, writer: SceneWriter, thread: Executor, raster_bytes: int) -> None:
        self.writer = writer
        self._thread = thread
        self._raster_bytes = raster_bytes
        self._writing: deque[tuple[int, Future[None]]] = deque()

    def put(
        self,
        group: str,
        name: str,
        values: Raster,
        *,
        dims: tuple[str, ...],
        fill: float,
        attributes: Mapping[str, object],
        codec: Codec = "fast",
        packing: Packing | None = None,
    ) -> None:
        """Hands over a raster, which must not change any more; raises what an earlier write raised.

        See `SceneWriter.array`.
        """
        self._wait(_FACTOR * self._raster_bytes - values.nbytes)
        writing = self._thread.submit(
            self.writer.array,
            group,
            name,
            values,
            dims=dims,
            fill=fill,
            attributes=attributes,
            codec=codec,
            packing=packing,
        )
        self._writing.append((values.nbytes, writing))

    def make_room(self) -> None:
        """Waits until next to nothing is left to be written: before another raster is read ahead."""
        self._wait((_FACTOR - 1) * self._raster_bytes)

    def drain(self) -> None:
        """Waits until everything is written."""
        self._wait(0)

    def _wait(self, allowed: float) -> None:
        """Waits until arrays of at most so many bytes are still to be written; raises what a write raised."""
        while self._writing and (self._writing[0][1].done() or sum(size for size, _ in self._writing) > allowed):
            self._writing.popleft()[1].result()
