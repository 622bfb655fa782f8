"""The scratch space as a build has it: checked before anything is written, and emptied when the build ends."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import dask.utils
from rich.filesize import decimal

from datasets.plural import plural
from ingest.errors import ScratchError, ZipArchiveError
from ingest.stream.containers import DiskFile, WebFile
from ingest.stream.origins import SceneFile, fetch
from ingest.stream.scratch import Scratch

_LEAST: Final = 1_000_000


class Space:
    """Scratch space and what of it is taken for the whole build; a context manager.

    Attributes:
        scratch: The space.
        whole: Zip archives that had to be fetched whole.
    """

    def __init__(self, lake_url: str, size: str, connections: int, *, on_cluster: bool) -> None:
        """Args: URL of the lake; `--scratch` and `--connections`; whether the workers are on other machines."""
        try:
            limit = int(dask.utils.parse_bytes(size))
        except ValueError:
            limit = 0
        if limit < _LEAST:
            raise ScratchError(
                f"--scratch {size!r} is not allowed: give a size with its unit, e.g. 20GB (a full-size raw scene takes "
                "up to 1GB)"
            )
        self.scratch = Scratch.of_lake(lake_url, limit=limit, connections=connections)
        self.whole: list[DiskFile] = []
        self._on_cluster = on_cluster
        self._rooms = ExitStack()

    def __enter__(self) -> "Space":
        return self

    def __exit__(self, *_: object) -> None:
        self._rooms.close()

    def fetch_whole(self, file: WebFile) -> DiskFile:
        """Brings a zip archive whose server does not send parts of it; it stays until the build ends.

        Raises:
            ZipArchiveError: The workers are on other machines.
            ScratchError: It does not fit.
            IceBenchError: See `ingest.stream.origins.fetch`.
        """
        if self._on_cluster:
            raise ZipArchiveError(
                f"the server of {file.name!r} sends no parts of it, and workers of a cluster fetch parts: build "
                "without --scheduler, or download it to where all workers see it"
            )
        folder = self._rooms.enter_context(self.scratch.room(file.name, file.size or 0, wait=False))
        target = folder / "archive.zip"
        fetch(file, target)
        self.whole.append(DiskFile(path=str(target), size=file.size or 0, copy_of=file.name))
        return self.whole[-1]

    def check(self, files: Iterable[SceneFile]) -> None:
        """Refuses before hours of work what would not fit.

        Raises:
            ScratchError: The space, or the disk of this machine, is too small for a scene.
        """
        kept = sum(each.size for each in self.whole)
        if kept:  # beside these a scene whose size nobody has asked could wait for ever
            files = [each if each.size else each.sized() for each in files]
        largest = max(files, key=lambda each: each.size, default=None)
        if largest is None:
            return
        self.scratch.check(largest.path, largest.size + kept, beside=kept)
        if not self._on_cluster:
            self.scratch.check_disk(largest.size)

    @contextmanager
    def emptied(self) -> Iterator[None]:
        """Leaves nothing behind on this machine; only where the lake's lock keeps other builds of it out."""
        try:
            yield
        finally:
            self._rooms.close()
            self.scratch.remove()

    def told(self) -> str:
        """What was fetched whole, in a sentence; empty if nothing was."""
        if not self.whole:
            return ""
        first, size = self.whole[0].name, sum(each.size for each in self.whole)
        return (
            f"{plural(len(self.whole), 'zip archive')} ({decimal(size)}) had to be fetched whole, the server sends no "
            f"parts (first: {first})"
        )
