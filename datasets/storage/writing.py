"""One object put, in one step or only where there is none, and removed: readers never see a part of it."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from datasets.access import is_url
from datasets.access_trouble import no_bucket
from datasets.errors import LakeAccessError
from datasets.storage.filesystem import filesystem_of
from datasets.storage.reading import read


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


def _joined(parts: Iterable[bytes | memoryview]) -> bytearray:
    """Parts one after the other; it grows as they come, so that each is freed at once."""
    whole = bytearray()
    for part in parts:
        whole += part
    return whole
