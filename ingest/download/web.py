"""Stable addresses -> bytes, whatever happens on the way. With `answers` all here that knows the HTTP client.

What passes (a busy server, a broken connection, an expired signed address) is tried again after a wait; a stream goes
on where it broke off. What lasts is a `WebError`.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Self

import requests
from requests.exceptions import ChunkedEncodingError, ConnectionError, ContentDecodingError, RequestException, Timeout

from datasets.plural import plural
from datasets.proxies import through_proxy
from ingest.download.answers import (
    Block,
    PassingError,
    Probe,
    check_part,
    check_range,
    check_shrunk,
    check_status,
    check_whole,
    mark_of,
    probe_of,
)
from ingest.download.errors import WebError

_LOG = logging.getLogger(__name__)

_TIMEOUT: Final = (15.0, 60.0)
"""Seconds to connect, and of silence between two bytes."""

_LONGEST_WAIT: Final = 60.0
"""Seconds that we wait unless a server asks for more."""

_LONGEST_ASKED: Final = 900.0
"""Seconds that a server may ask for."""

_SILENT_WAIT: Final = 4.0
"""Seconds of a wait that nobody is told of."""

# The client hands over whole blocks only, so what a cut costs is at most one block.
_BLOCK: Final = 1 << 16
_PART_BLOCK: Final = 1 << 18


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
            except PassingError as error:
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
            except (WebError, PassingError) as error:
                if isinstance(error, PassingError) and error.restart:
                    position = 0
                failures = self._go_on(addresses, failures, error)

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
                    return probe_of(response, addresses[0])
            except (WebError, PassingError) as error:
                failures = self._go_on(addresses, failures, error)

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
                    check_part(response, position, end, size, mark)
                    for content in response.iter_content(_PART_BLOCK):
                        if position + len(content) > end:
                            raise PassingError("the server sends more than was asked", answered=True)
                        yield content
                        position, failures = position + len(content), 0
                if position < end:
                    raise PassingError(f"the connection ended at byte {position} of {end}")
            except (WebError, PassingError) as error:
                failures = self._go_on(addresses, failures, error)

    def _ask(self, url: str, size: int, position: int, etag: str) -> Iterator[Block]:
        """One request: raises PassingError if it does not bring all bytes, WebError if this address never will."""
        headers = {"Range": f"bytes={position}-"} if position else {}
        if position and etag:
            headers["If-Range"] = etag
        with self._open(url, headers) as response:
            if response.status_code == 206:
                check_range(response, position, size)
            else:
                check_whole(response, size)
                position = 0
            etag = mark_of(response)
            for content in response.iter_content(_BLOCK):
                if position + len(content) > size:
                    raise PassingError(f"the server sends more than {size} bytes", answered=True, restart=True)
                yield Block(position, content, etag)
                position += len(content)
        if position < size:
            raise PassingError(f"the connection ended at byte {position} of {size}")

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
                if whole is not None:
                    check_shrunk(response, whole)
                check_status(response)
                yield response
        except (ConnectionError, Timeout, ChunkedEncodingError, ContentDecodingError) as error:
            raise PassingError(f"the connection failed ({_cause(error)}){through_proxy(url)}") from error
        except RequestException as error:
            raise WebError(f"{type(error).__name__}: {error}") from error

    def _go_on(self, addresses: deque[str], failures: int, error: WebError | PassingError) -> int:
        """Failures in a row after another one, when the next try is due; raises WebError if there is none."""
        if isinstance(error, WebError):
            addresses.popleft()
            if not addresses:
                raise error
            return failures
        if error.answered:
            addresses.rotate(-1)
        self._wait(failures + 1, error)
        return failures + 1

    def _wait(self, failures: int, error: PassingError) -> None:
        """Waits for the next try; raises WebError if that was the last one."""
        if failures >= self._tries:
            raise WebError(f"{error} ({plural(failures, 'try', 'tries')} in a row)") from error
        wait = wait_after(failures, error.wait)
        if wait > _SILENT_WAIT:
            _LOG.warning("%s; try %d of %d follows in %.0f s", error, failures + 1, self._tries, wait)
        self._sleep(wait)


def wait_after(failures: int, asked: float | None = None) -> float:
    """Seconds to wait after so many failures in a row, twice as long each time; a server that asks for more gets it."""
    own = min(2.0 ** (failures - 1), _LONGEST_WAIT)
    return own if asked is None else max(own, min(asked, _LONGEST_ASKED))


def _cause(error: BaseException) -> str:
    """The innermost reason: the outer ones repeat it inside object names and memory addresses."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"
