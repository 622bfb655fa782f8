"""The file system of a URL, with one language for its errors; and whether it is the bucket that is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec

from datasets.access import access, plain, scheme_of, storage_options
from datasets.access_trouble import check_settings, sentence_of
from datasets.errors import LakeAccessError


@contextmanager
def filesystem_of(url: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL and the path on it; errors as `access` tells them."""
    with access(url):
        if scheme_of(url) in ("s3", "s3a"):
            check_settings()
        filesystem, path = fsspec.core.url_to_fs(plain(url), **(storage_options(url) or {}))
        yield filesystem, path


def check_bucket(url: str, error: OSError) -> None:
    """Raises LakeAccessError where it is the bucket that is not there, and not only an object in it."""
    sentence = sentence_of(url, error) if isinstance(error.__cause__, Exception) else None
    if sentence is not None:
        raise LakeAccessError(sentence) from error
