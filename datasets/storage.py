"""Objects at URLs, on disk or in object storage: read, put in one step or only where there is none, removed.

What is below a prefix is `datasets.prefixes`; `datasets.access` translates the errors of clients.
"""

import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import fsspec

from datasets.access import access, is_url, plain, scheme_of, storage_options
from datasets.access_trouble import check_settings, no_bucket, sentence_of
from datasets.errors import LakeAccessError

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
            _check_bucket(url, error)
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
            _check_bucket(url, error)
            return False


def size_of(url: str) -> int | None:
    """Bytes of an object; None if there is none."""
    with filesystem_of(url) as (filesystem, path):
        try:
            entry = filesystem.info(path)
        except FileNotFoundError as error:
            _check_bucket(url, error)
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


def replace(url: str, content: bytes | Iterable[bytes | memoryview]) -> int:
    """Puts an object in one step: readers see the old bytes or the new ones.

    Args:
        url: Where.
        content: Its bytes, at once or in parts: on disk each is written as it comes.

    Returns:
        Its size in bytes.
    """
    with filesystem_of(url) as (filesystem, path):
        if is_url(url):
            whole = content if isinstance(content, bytes) else _joined(content)
            try:
                filesystem.pipe_file(path, whole)
            except FileNotFoundError as error:
                raise LakeAccessError(no_bucket(url)) from error
            return len(whole)
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: of two processes that replace one object, neither moves what the other is still writing.
        unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            with unfinished.open("wb") as file:
                size = sum(map(file.write, (content,) if isinstance(content, bytes) else content))
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        return size


def create(url: str, content: bytes) -> bool:
    """Puts an object only if there is none; False if there is one.

    On disk by exclusive creation, on S3 by a conditional PUT. A store that has neither is asked first and read back
    after, which leaves a gap of one request.
    """
    with filesystem_of(url) as (filesystem, path):
        if not is_url(url):
            return _create_file(Path(path), content)
        if read(url) is not None:
            return False
        try:
            filesystem.pipe_file(path, content, mode="create")
        except FileNotFoundError as error:
            raise LakeAccessError(no_bucket(url)) from error
        except PermissionError:
            raise
        except (TypeError, NotImplementedError, OSError) as error:
            # A lost race, an answer that got lost on its way, or a driver without conditions: the object tells which.
            found = read(url)
            if found is None:
                if isinstance(error, OSError):
                    raise
                filesystem.pipe_file(path, content)
        return read(url) == content


def remove(url: str) -> None:
    """Removes one object, if it is there."""
    with filesystem_of(url) as (filesystem, path):
        try:
            filesystem.rm_file(path)
        except FileNotFoundError:
            return


def _create_file(target: Path, content: bytes) -> bool:
    """Creates a new file as a link to a complete one, so that no reader ever sees a part of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        try:
            os.link(part, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            with target.open("xb") as file:
                file.write(content)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


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


@contextmanager
def filesystem_of(url: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL and the path on it; errors as `access` tells them."""
    with access(url):
        if scheme_of(url) in ("s3", "s3a"):
            check_settings()
        filesystem, path = fsspec.core.url_to_fs(plain(url), **(storage_options(url) or {}))
        yield filesystem, path


def _joined(parts: Iterable[bytes | memoryview]) -> bytearray:
    """Parts one after the other; it grows as they come, so that each is freed at once."""
    whole = bytearray()
    for part in parts:
        whole += part
    return whole


def _check_bucket(url: str, error: OSError) -> None:
    """Raises LakeAccessError where it is the bucket that is not there, and not only an object in it."""
    sentence = sentence_of(url, error) if isinstance(error.__cause__, Exception) else None
    if sentence is not None:
        raise LakeAccessError(sentence) from error
