"""One object, or parts of many, read; whether there is one, and its size."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from datasets.access import is_url, plain, scheme_of
from datasets.storage.filesystem import check_bucket, filesystem_of

READERS: Final = 16
"""Objects that are fetched side by side: object stores have a high latency, not a low throughput."""

_GONE: Final = (404, 410)
"""HTTP answers of a server that has no such object."""


def read(url: str) -> bytes | None:
    """Reads one object, in one request; None if there is none."""
    with filesystem_of(url) as (filesystem, path):
        try:
            content: bytes = filesystem.cat_file(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            check_bucket(url, error)
            return None
    return content


def exists(url: str) -> bool:
    """Whether there is an object of any size."""
    with filesystem_of(url) as (filesystem, path):
        if not is_url(url):
            return Path(path).is_file()
        try:
            return bool(filesystem.info(path)["type"] == "file")
        except FileNotFoundError as error:
            # fsspec also raises this for a web server that does not answer.
            if scheme_of(url).startswith("http") and getattr(error.__cause__, "status", None) not in _GONE:
                raise (error.__cause__ or error) from None
            check_bucket(url, error)
            return False


def size_of(url: str) -> int | None:
    """Bytes of an object; None if there is none."""
    with filesystem_of(url) as (filesystem, path):
        try:
            entry = filesystem.info(path)
        except FileNotFoundError as error:
            check_bucket(url, error)
            return None
    return int(entry["size"]) if entry["type"] == "file" else None


@contextmanager
def at_hand(url: str) -> Iterator[str]:
    """Path of an object on this machine: a copy in the folder of temporary files while the context lasts.

    What is on disk stays where it is.

    Raises:
        FileNotFoundError: There is no such object.
    """
    if not is_url(url):
        yield plain(url)
        return
    with tempfile.TemporaryDirectory(prefix="icebench-") as folder:
        copy = str(Path(folder) / url.rpartition("/")[2])
        with filesystem_of(url) as (filesystem, path):
            filesystem.get_file(path, copy)
        yield copy


def read_ranges(ranges: Sequence[tuple[str, int, int]]) -> list[bytes | None]:
    """Reads parts of objects of one store, in object storage all at the same time.

    Args:
        ranges: URL, first byte and the byte after the last.

    Returns:
        In order; None where there is no object, fewer bytes where the object ends earlier.
    """
    if not ranges:
        return []
    url = ranges[0][0]
    if not is_url(url):
        return [part for path, own in groupby(ranges, key=itemgetter(0)) for part in _local_ranges(plain(path), own)]
    with filesystem_of(url) as (filesystem, _):
        paths, starts, ends = map(list, zip(*ranges, strict=True))
        found = filesystem.cat_ranges(paths, starts, ends, on_error="return")
        for each in found:
            if isinstance(each, Exception) and not isinstance(each, FileNotFoundError):
                raise each
    return [None if isinstance(each, FileNotFoundError) else each for each in found]


def _local_ranges(path: str, ranges: Iterable[tuple[str, int, int]]) -> list[bytes | None]:
    """Parts of one file, which is opened once."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return [None for _ in ranges]
    try:
        return [os.pread(file, end - start, start) for _, start, end in ranges]
    finally:
        os.close(file)
