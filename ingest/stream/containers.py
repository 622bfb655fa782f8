"""Files that hold scenes, wherever they are: on disk, in a bucket, on a web server. All give any range of their bytes.

They are small and sent to workers; each opens what it needs where it is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from datasets.storage import read_ranges, size_of
from ingest.download.errors import ArchiveChangedError, WebError
from ingest.download.web import Web
from ingest.errors import NoSourceError

_BLOCK: Final = 1 << 20
_OBJECT_RANGE: Final = 16 << 20
"""Bytes of an object that are asked for at once: they are in memory until they are written."""


@dataclass(frozen=True, kw_only=True)
class DiskFile:
    """A file of this machine, or of a disk that all workers see under this path.

    Attributes:
        path: Of the file.
        size: Bytes.
        copy_of: Name of what it is a copy of, in the scratch space.
    """

    path: str
    size: int
    copy_of: str = ""

    @property
    def name(self) -> str:
        """As people are told it."""
        return self.copy_of or self.path

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of a range, in order; raises ArchiveChangedError if the file is gone or of another size by now."""
        try:
            opened = Path(self.path).open("rb")  # noqa: SIM115 - closed below
        except OSError as error:
            raise ArchiveChangedError(
                f"{self.path!r} cannot be read ({error.strerror}): leave it where it is while a build reads it, and on "
                "a cluster put it where every worker sees it under this path, or into a bucket"
            ) from error
        with opened as file:
            if (found := file.seek(0, 2)) != self.size:
                raise _changed(self.path, self.size, found)
            file.seek(start)
            while start < end and (block := file.read(min(_BLOCK, end - start))):
                yield block
                start += len(block)


@dataclass(frozen=True, kw_only=True)
class StoreFile:
    """An object in a bucket.

    Attributes:
        url: Of the object.
        size: Bytes; None where nobody has asked yet.
    """

    url: str
    size: int | None = None

    @property
    def name(self) -> str:
        """As people are told it."""
        return self.url

    def sized(self) -> Self:
        """The same with its size; raises NoSourceError if there is no such object."""
        if self.size is not None:
            return self
        if (size := size_of(self.url)) is None:
            raise NoSourceError(f"{self.url!r} does not exist: give raw netCDF files, zip archives, or their folder")
        return replace(self, size=size)

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of a range, in order; raises ArchiveChangedError if the object ends earlier."""
        while start < end:
            stop = min(start + _OBJECT_RANGE, end)
            (block,) = read_ranges([(self.url, start, stop)])
            if block is None or len(block) < stop - start:
                raise _changed(self.url, self.size or end, start + len(block or b""))
            yield block
            start = stop


@dataclass(frozen=True, kw_only=True)
class WebFile:
    """A file on a web server.

    Attributes:
        name: As people are told it.
        urls: Stable addresses, the first is asked first.
        size: Bytes; None where nobody has asked yet.
        etag: Mark of the state that was seen first, by the first address.
        md5: Of the whole file, hex digits; empty where nobody has published one.
        ranges: Whether the server sends parts of it.
    """

    name: str
    urls: tuple[str, ...]
    size: int | None = None
    etag: str = ""
    md5: str = ""
    ranges: bool = True

    def sized(self) -> Self:
        """The same with what the server says of it, if nobody has said it before."""
        return self if self.size is not None else self.asked()

    def asked(self) -> Self:
        """The same with what the server says of it.

        Raises:
            WebError: The server does not answer, or does not say how long the file is.
            ArchiveChangedError: It has another size than its list says.
        """
        with Web(tries=5) as web:
            found = web.probe(self.urls)
        if found.size is None:
            raise WebError(f"the server of {self.name!r} does not say how long it is: download the file, and give that")
        if self.size is not None and found.size != self.size:
            raise ArchiveChangedError(
                f"{self.name!r} has {self.size} bytes by the archive's list and {found.size} by the server: the "
                "archive changed its version, or serves something else; try later, or another --base-url"
            )
        first = (found.url, *(url for url in self.urls if url != found.url))
        return replace(self, size=found.size, etag=found.etag, ranges=found.ranges, urls=first)

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of a range, in order; see `ingest.download.web.Web.part`."""
        with Web() as web:
            yield from web.part(self.urls, self.size or end, start, end, etag=self.etag)


Container = DiskFile | StoreFile | WebFile


def _changed(name: str, size: int, found: int) -> ArchiveChangedError:
    return ArchiveChangedError(
        f"{name!r} changed while it was read (it had {size} bytes, now {found}): give the same command again, it goes "
        "on with the file as it is now; scenes that are finished are kept"
    )
