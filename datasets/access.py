"""Places: one language for disk and object storage, and errors that name the part of an address that is wrong.

Endpoint and credentials come from where the store's own client looks (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`,
`AWS_PROFILE`, ...), never from a URL. `FSSPEC_S3_ANON=true` reads a public bucket without any.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from datasets.errors import IceBenchError, LakeAccessError

_BUCKETS: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs")
_LOCAL: Final = ("file", "local")
_LOCAL_WORDS: Final = ("file:", "local:")
_ONE_SLASH: Final = re.compile(r"(s3a?|gc?s|az|abfs|https?|memory):/*(?P<rest>.*)")
_ABSOLUTE_FILE: Final = re.compile(r"(file|local):(?://(?:localhost)?)?(?P<path>/(?:[^/].*)?)")


def is_url(place: str) -> bool:
    """Whether a place is named by a URL of a store; else it is on this machine."""
    return "://" in place and scheme_of(place) not in _LOCAL


def plain(place: str) -> str:
    """The place as the rest of the code names it: `file:///lake` is the path `/lake`, a URL has no trailing slash.

    Raises:
        LakeAccessError: It names nothing, or is a URL that cannot be one of a lake.
    """
    if not place.strip():
        raise LakeAccessError("the place has an empty name: give a path, or a URL such as s3://BUCKET/PREFIX")
    if place.startswith(_LOCAL_WORDS):
        match = _ABSOLUTE_FILE.fullmatch(place)
        if match is None:
            raise LakeAccessError(
                f"{place!r} names no file of this machine: write file:// and an absolute path, file:///data/lake"
            )
        return unquote(match["path"]).rstrip("/") or "/"
    if not is_url(place):
        if (match := _ONE_SLASH.fullmatch(place)) is not None:
            scheme = match[1]
            raise LakeAccessError(f"{place!r} is no URL: write {scheme}://{match['rest']}, or ./{place} for a path")
        return place.rstrip("/") or place
    _check_url(place)
    bare = place.rstrip("/")
    return bare if is_url(bare) else place


def local_path(given: Path) -> Path:
    """A path that was given where only files of this machine will do; `file:///maps` is `/maps`.

    Raises:
        LakeAccessError: It is a URL of a store.
    """
    text = str(given)  # in which s3:// is s3:/ by now
    if (match := _ONE_SLASH.fullmatch(text)) is not None:
        raise LakeAccessError(
            f"{match[1]}://{match['rest']} is a URL, and this has to be on a disk of this machine: give a path"
        )
    return Path(plain(text)) if text.startswith(_LOCAL_WORDS) else given


def absolute(place: str) -> str:
    """Workers have another working folder: a path becomes absolute, a URL stays; no trailing slash.

    Raises:
        LakeAccessError: The URL holds a password, which would end up in logs and process lists, or has a part that
            cannot be right.
    """
    bare = plain(place)
    if is_url(bare):
        return bare
    try:
        return str(Path(bare).expanduser().resolve())
    except RuntimeError as error:  # links in a circle, or the home of nobody
        raise LakeAccessError(f"{place!r} is no path: {error}; give another") from error


def storage_options(url: str) -> dict[str, Any] | None:
    """What fsspec, zarr and xarray are given beside the URL."""
    if scheme_of(url) in ("http", "https"):
        return {"client_kwargs": {"trust_env": True}}  # HTTP_PROXY and its like
    if scheme_of(url) not in ("s3", "s3a"):
        return None
    return {
        "use_listings_cache": False,  # another process writes the same lake: a remembered listing is a wrong one
        "max_concurrency": 1,  # of one object: more would cost a HEAD before every GET
    }


@contextmanager
def access(url: str) -> Iterator[None]:
    """Turns what storage clients raise into one sentence; a missing object stays FileNotFoundError.

    Raises:
        LakeAccessError: No driver, a wrong part of the address, no or wrong credentials, a right that is missing, or a
            server that does not answer.
    """
    try:
        yield
    except IceBenchError:
        raise
    except Exception as error:
        from datasets.access_trouble import sentence_of  # only when there is trouble

        sentence = sentence_of(url, error)
        if sentence is None:
            raise
        raise LakeAccessError(sentence) from error


def scheme_of(url: str) -> str:
    """`s3` of `s3://bucket/key`, in small letters; empty for a path."""
    return url.partition("://")[0].lower() if "://" in url else ""


def _check_url(url: str) -> None:
    scheme, _, rest = url.partition("://")
    host, _, key = rest.partition("/")
    if "@" in host and ":" in host:
        raise LakeAccessError(
            f"a {scheme}:// URL with a password in it is not allowed: put credentials into the environment or a "
            "profile, and give the URL without them"
        )
    if scheme.lower() in ("http", "https"):
        try:
            good = bool(urlsplit(url).hostname) and urlsplit(url).port != 0
        except ValueError:  # a port that is no number, or too large
            good = False
        if not good:
            raise LakeAccessError(f"{url!r} has no good host and port: write {scheme}://HOST:PORT/PATH")
    if scheme.lower() not in _BUCKETS:
        return
    if not host:
        raise LakeAccessError(f"{url!r} names no bucket: write {scheme}://BUCKET/PREFIX")
    key = key.rstrip("/")
    if key and {"", ".", ".."} & {*key.split("/")}:
        raise LakeAccessError(
            f"{url!r} has an empty part, '.' or '..' in its path, which object storage takes for names: write the "
            "path without"
        )
