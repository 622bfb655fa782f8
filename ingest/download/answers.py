"""What a server's answer is worth: the bytes that were asked for, a reason to ask again, or the end."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from ingest.download.errors import ArchiveChangedError, WebError

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_NO_RANGE = re.compile(r"bytes \*/(\d+)")
# 202: the archive's answer to scripts that it is not sure of, always without a body. 416: the file is not as long as
# it was. The others are the usual words for "not now".
_NOT_NOW: Final = frozenset({202, 204, 408, 416, 425, 429})


class Block(NamedTuple):
    """Some bytes of a file.

    Attributes:
        start: Position of the first of them in the file.
        content: The bytes.
        etag: The server's mark of this state of the file; empty if it gave none that is good for ranges.
    """

    start: int
    content: bytes
    etag: str


class Probe(NamedTuple):
    """What a server says of a file.

    Attributes:
        size: Bytes; None if it does not say.
        etag: Its mark of this state of the file; empty if it gave none that is good for ranges.
        ranges: Whether it sends parts of the file.
        url: The address that answered.
    """

    size: int | None
    etag: str
    ranges: bool
    url: str


@dataclass(eq=False)
class PassingError(Exception):
    """The next try may do better."""

    reason: str
    answered: bool = False  # by a server, but with something else than the file: another address may do better
    wait: float | None = None  # seconds that the server asks for
    restart: bool = False  # what has come so far is of no use for the next try


def check_status(response: requests.Response) -> None:
    """Raises PassingError for an answer that may be another one later, WebError for one that will not."""
    status = response.status_code
    if status in (200, 206):
        return
    # A redirect leads to a signed address that expires in seconds; the stable address gives a fresh one.
    expired = status in (401, 403, 404, 410) and response.history
    if status in _NOT_NOW or status >= 500 or expired:
        wait = asked_wait(response.headers.get("Retry-After"))
        raise PassingError(f"the server answers {status}", answered=True, wait=wait, restart=status == 416)
    raise WebError(f"the server answers {status} {response.reason}")


def probe_of(response: requests.Response, url: str) -> Probe:
    """What the answer to a request for the first byte tells of a file."""
    length = response.headers.get("Content-Length")
    if response.status_code == 206:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        size = match[3] if match else "*"
        return Probe(None if size == "*" else int(size), mark_of(response), True, url)
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise PassingError("the server sends a web page, not the file", answered=True)
    return Probe(None if length is None else int(length), mark_of(response), False, url)


def mark_of(response: requests.Response) -> str:
    """The server's mark of this state of a file; empty if it gave none that is good for ranges."""
    etag = response.headers.get("ETag", "")
    return "" if etag.startswith("W/") else etag  # a weak mark promises no equal bytes


def check_part(response: requests.Response, start: int, end: int, size: int, etag: str) -> None:
    """The bytes that were asked for, of the file that was asked."""
    if response.status_code != 206:
        raise PassingError("the server sends the whole file where a part was asked", answered=True)
    given = response.headers.get("Content-Range", "")
    match = _RANGE.fullmatch(given)
    if match is not None and match[3] not in ("*", str(size)):
        raise _changed(response.url, f"{size} bytes", f"{match[3]} bytes")
    if etag and (found := mark_of(response)) and found != etag:
        raise _changed(response.url, f"the mark {etag}", found)
    if match is None or (int(match[1]), int(match[2])) != (start, end - 1):
        raise PassingError(f"the server sends {given or 'an unnamed piece'!r} for bytes {start}-{end - 1} of {size}")


def _changed(url: str, was: str, found: str) -> ArchiveChangedError:
    place = url.partition("?")[0]  # a signed address holds its signature there
    return ArchiveChangedError(
        f"the file at {place} changed while it was read (it had {was}, now {found}): give the same command again, it "
        "goes on with the file as it is now; scenes that are finished are kept"
    )


def check_shrunk(response: requests.Response, size: int) -> None:
    """Raises ArchiveChangedError where a file has become so short that what was asked for is behind its end."""
    match = _NO_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is not None and int(match[1]) != size:
        raise _changed(response.url, f"{size} bytes", f"{match[1]} bytes")


def check_range(response: requests.Response, start: int, size: int) -> None:
    """A piece in the wrong place would be found by the checksum only after the last byte."""
    given = response.headers.get("Content-Range", "")
    match = _RANGE.fullmatch(given)
    if match is None or int(match[1]) != start or int(match[2]) >= size or match[3] not in ("*", str(size)):
        message = f"the server sends {given or 'an unnamed piece'!r} for bytes {start}- of {size}"
        raise PassingError(message, restart=True)  # ranges cannot be relied on here


def check_whole(response: requests.Response, size: int) -> None:
    """A page in place of the file comes with status 200 too; it must not cost the bytes that are here."""
    length = response.headers.get("Content-Length")
    kind = response.headers.get("Content-Type", "unknown type")
    if length is not None and int(length) != size:
        raise PassingError(f"the server sends {length} bytes of {kind}, not the {size} of the file", answered=True)
    if length is None and kind.startswith("text/html"):
        raise PassingError("the server sends a web page, not the file", answered=True)


def asked_wait(header: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for, as a number or a date; None if it is absent or neither."""
    try:
        return None if header is None else Retry().parse_retry_after(header)
    except InvalidHeader:
        return None
