"""Stable addresses -> bytes, whatever happens on the way. The only module of the download that knows the HTTP client.

What passes (a busy server, a broken connection, an expired signed address) is tried again after a wait; a stream goes
on where it broke off. What lasts is a `WebError`.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import requests
from requests.exceptions import ChunkedEncodingError, ConnectionError, ContentDecodingError, RequestException, Timeout
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from datasets.proxies import through_proxy
from ingest.download.errors import ArchiveChangedError, WebError

_TIMEOUT: Final = (15.0, 60.0)
"""Seconds to connect, and of silence between two bytes."""

_LONGEST_WAIT: Final = 60.0
"""Seconds that we wait unless a server asks for more."""

_LONGEST_ASKED: Final = 900.0
"""Seconds that a server may ask for."""

# The client hands over whole blocks only, so what a cut costs is at most one block.
_BLOCK: Final = 1 << 16
_PART_BLOCK: Final = 1 << 18
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
class _PassingError(Exception):
    """The next try may do better."""

    reason: str
    answered: bool = False  # by a server, but with something else than the file: another address may do better
    wait: float | None = None  # seconds that the server asks for
    restart: bool = False  # what has come so far is of no use for the next try


class Web:
    """A patient client; a context manager, as it holds connections.

    Args:
        tries: Failures in a row that end it; any progress starts the count anew.
        sleep: Waits so many seconds.
    """

    def __init__(self, *, tries: int = 8, sleep: Callable[[float], None] = time.sleep) -> None:
        self._tries = tries
        self._sleep = sleep
        self._session = requests.Session()
        # Compressed on the way, a byte range would count other bytes than those of the file.
        self._session.headers.update({"User-Agent": "icebench", "Accept-Encoding": "identity"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def read(self, url: str) -> bytes:
        """The whole body of a small document.

        Raises:
            WebError: It cannot be had.
        """
        failures = 0
        while True:
            try:
                with self._open(url, {}) as response:
                    return response.content
            except _PassingError as error:
                failures += 1
                self._wait(failures, error)

    def stream(self, urls: Sequence[str], size: int, *, start: int = 0, etag: str = "") -> Iterator[Block]:
        """The bytes of a file from a position to its end.

        Every try begins at a stable address, never at a signed one that it led to.

        Args:
            urls: Stable addresses of the file, the first is asked first.
            size: Bytes of the whole file.
            start: Bytes that are here already.
            etag: Mark of the file that those are of, if a server gave one: the rest is taken of this state only.

        Yields:
            Blocks one after the other. A block that starts before the end of the last one replaces all from there on:
            the server does not send ranges, or its file has changed.

        Raises:
            WebError: No address brings all bytes.
        """
        addresses = deque(urls)
        position = furthest = start
        failures = 0
        while position < size:
            try:
                for block in self._ask(addresses[0], size, position, etag):
                    yield block
                    position, etag = block.start + len(block.content), block.etag
                    # Bytes that came before are no progress, or a server that ignores ranges and breaks off would go
                    # on forever.
                    if position > furthest:
                        furthest, failures = position, 0
            except WebError:
                addresses.popleft()
                if not addresses:
                    raise
            except _PassingError as error:
                if error.restart:
                    position = 0
                if error.answered:
                    addresses.rotate(-1)
                failures += 1
                self._wait(failures, error)

    def probe(self, urls: Sequence[str]) -> Probe:
        """Asks for the first byte of a file, to see how long it is and whether parts of it can be had.

        Raises:
            WebError: No address answers.
        """
        addresses = deque(urls)
        failures = 0
        while True:
            try:
                with self._open(addresses[0], {"Range": "bytes=0-0"}) as response:
                    return _probe_of(response, addresses[0])
            except WebError:
                addresses.popleft()
                if not addresses:
                    raise
            except _PassingError as error:
                if error.answered:
                    addresses.rotate(-1)
                failures += 1
                self._wait(failures, error)

    def part(self, urls: Sequence[str], size: int, start: int, end: int, *, etag: str = "") -> Iterator[bytes]:
        """Some bytes of a file, in one request if nothing goes wrong; a break costs what had not come yet.

        Args:
            urls: Stable addresses of the file, the first is asked first.
            size: Bytes of the whole file.
            start: First byte.
            end: The byte after the last.
            etag: Mark that the first address gave for the file; empty if it gave none.

        Yields:
            The bytes in order, each once.

        Raises:
            ArchiveChangedError: The file has another size or mark by now.
            WebError: No address brings all bytes.
        """
        addresses = deque(urls)
        position, failures = start, 0
        while position < end:
            mark = etag if addresses[0] == urls[0] else ""
            try:
                with self._open(addresses[0], {"Range": f"bytes={position}-{end - 1}"}, whole=size) as response:
                    _check_part(response, position, end, size, mark)
                    for content in response.iter_content(_PART_BLOCK):
                        if position + len(content) > end:
                            raise _PassingError("the server sends more than was asked", answered=True)
                        yield content
                        position, failures = position + len(content), 0
                if position < end:
                    raise _PassingError(f"the connection ended at byte {position} of {end}")
            except WebError:
                addresses.popleft()
                if not addresses:
                    raise
            except _PassingError as error:
                if error.answered:
                    addresses.rotate(-1)
                failures += 1
                self._wait(failures, error)

    def _ask(self, url: str, size: int, position: int, etag: str) -> Iterator[Block]:
        """One request: raises _PassingError if it does not bring all bytes, WebError if this address never will."""
        headers = {"Range": f"bytes={position}-"} if position else {}
        if position and etag:
            headers["If-Range"] = etag
        with self._open(url, headers) as response:
            if response.status_code == 206:
                _check_range(response, position, size)
            else:
                _check_whole(response, size)
                position = 0
            etag = _mark(response)
            for content in response.iter_content(_BLOCK):
                if position + len(content) > size:
                    raise _PassingError(f"the server sends more than {size} bytes", answered=True, restart=True)
                yield Block(position, content, etag)
                position += len(content)
        if position < size:
            raise _PassingError(f"the connection ended at byte {position} of {size}")

    @contextmanager
    def _open(self, url: str, headers: Mapping[str, str], *, whole: int | None = None) -> Iterator[requests.Response]:
        """One request, redirects followed; its body is read inside, so that its troubles are sorted too.

        Args:
            url: Address.
            headers: Of the request.
            whole: Bytes of the file, where another size is another file.
        """
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
                shrunk = _NO_RANGE.fullmatch(response.headers.get("Content-Range", ""))
                if whole is not None and shrunk and int(shrunk[1]) != whole:
                    raise _changed(url, f"{whole} bytes", f"{shrunk[1]} bytes")
                _check_status(response)
                yield response
        except (ConnectionError, Timeout, ChunkedEncodingError, ContentDecodingError) as error:
            raise _PassingError(f"the connection failed ({_cause(error)}){through_proxy(url)}") from error
        except RequestException as error:
            raise WebError(f"{type(error).__name__}: {error}") from error

    def _wait(self, failures: int, error: _PassingError) -> None:
        """Waits for the next try; raises WebError if that was the last one."""
        if failures >= self._tries:
            raise WebError(f"{error} ({failures} tries in a row)") from error
        self._sleep(wait_after(failures, error.wait))


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    # A redirect leads to a signed address that expires in seconds; the stable address gives a fresh one.
    expired = status in (401, 403, 404, 410) and response.history
    if status in _NOT_NOW or status >= 500 or expired:
        wait = asked_wait(response.headers.get("Retry-After"))
        raise _PassingError(f"the server answers {status}", answered=True, wait=wait, restart=status == 416)
    raise WebError(f"the server answers {status} {response.reason}")


def _probe_of(response: requests.Response, url: str) -> Probe:
    length = response.headers.get("Content-Length")
    if response.status_code == 206:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        size = match[3] if match else "*"
        return Probe(None if size == "*" else int(size), _mark(response), True, url)
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _PassingError("the server sends a web page, not the file", answered=True)
    return Probe(None if length is None else int(length), _mark(response), False, url)


def _mark(response: requests.Response) -> str:
    etag = response.headers.get("ETag", "")
    return "" if etag.startswith("W/") else etag  # a weak mark promises no equal bytes


def _check_part(response: requests.Response, start: int, end: int, size: int, etag: str) -> None:
    """The bytes that were asked for, of the file that was asked."""
    if response.status_code != 206:
        raise _PassingError("the server sends the whole file where a part was asked", answered=True)
    given = response.headers.get("Content-Range", "")
    match = _RANGE.fullmatch(given)
    if match is not None and match[3] not in ("*", str(size)):
        raise _changed(response.url, f"{size} bytes", f"{match[3]} bytes")
    if etag and (found := _mark(response)) and found != etag:
        raise _changed(response.url, f"the mark {etag}", found)
    if match is None or (int(match[1]), int(match[2])) != (start, end - 1):
        raise _PassingError(f"the server sends {given or 'an unnamed piece'!r} for bytes {start}-{end - 1} of {size}")


def _changed(url: str, was: str, found: str) -> ArchiveChangedError:
    place = url.partition("?")[0]  # a signed address holds its signature there
    return ArchiveChangedError(
        f"the file at {place} changed while it was read (it had {was}, now {found}): give the same command again, it "
        "goes on with the file as it is now; scenes that are finished are kept"
    )


def _check_range(response: requests.Response, start: int, size: int) -> None:
    """A piece in the wrong place would be found by the checksum only after the last byte."""
    given = response.headers.get("Content-Range", "")
    match = _RANGE.fullmatch(given)
    if match is None or int(match[1]) != start or int(match[2]) >= size or match[3] not in ("*", str(size)):
        message = f"the server sends {given or 'an unnamed piece'!r} for bytes {start}- of {size}"
        raise _PassingError(message, restart=True)  # ranges cannot be relied on here


def _check_whole(response: requests.Response, size: int) -> None:
    """A page in place of the file comes with status 200 too; it must not cost the bytes that are here."""
    length = response.headers.get("Content-Length")
    kind = response.headers.get("Content-Type", "unknown type")
    if length is not None and int(length) != size:
        raise _PassingError(f"the server sends {length} bytes of {kind}, not the {size} of the file", answered=True)
    if length is None and kind.startswith("text/html"):
        raise _PassingError("the server sends a web page, not the file", answered=True)


def wait_after(failures: int, asked: float | None = None) -> float:
    """Seconds to wait after so many failures in a row, twice as long each time; a server that asks for more gets it."""
    own = min(2.0 ** (failures - 1), _LONGEST_WAIT)
    return own if asked is None else max(own, min(asked, _LONGEST_ASKED))


def asked_wait(header: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for, as a number or a date; None if it is absent or neither."""
    try:
        return None if header is None else Retry().parse_retry_after(header)
    except InvalidHeader:
        return None


def _cause(error: BaseException) -> str:
    """The innermost reason: the outer ones repeat it inside object names and memory addresses."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"
