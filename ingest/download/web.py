"""Requests and what their answers mean. The only module of the download that knows the HTTP client."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import requests
from requests.exceptions import ChunkedEncodingError, ConnectionError, ContentDecodingError, RequestException, Timeout

from ingest.download.retry import Backoff, Patience, RefusedError, TryAgainError, asked_wait

_TIMEOUT: Final = (15.0, 60.0)
"""Seconds to connect, and of silence between two bytes."""

# 202: the archive's answer to scripts that it is not sure of, always without a body. 416: the file is not as long as
# it was. The others are the usual words for "not now".
_NOT_NOW: Final = frozenset({202, 204, 408, 416, 425, 429})


class Web:
    """A session that tells passing troubles from lasting ones; a context manager, as it holds connections."""

    def __init__(self, *, backoff: Backoff | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._session = requests.Session()
        # Compressed on the way, a byte range would count other bytes than those of the file.
        self._session.headers.update({"User-Agent": "icebench", "Accept-Encoding": "identity"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def patience(self) -> Patience:
        """A fresh count of failures."""
        return Patience(self._backoff, self._sleep)

    def read(self, url: str) -> bytes:
        """The whole body of a small document.

        Raises:
            WebError: It cannot be had.
        """
        patience = self.patience()
        while True:
            try:
                with self.open(url) as response:
                    return response.content
            except TryAgainError as error:
                patience.after(error)

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[requests.Response]:
        """One request, redirects followed; its body is read inside, so that its troubles are sorted too.

        Raises:
            TryAgainError: The trouble may pass.
            RefusedError: It will not.
        """
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
                _check_status(response)
                yield response
        except (ConnectionError, Timeout, ChunkedEncodingError, ContentDecodingError) as error:
            raise TryAgainError(f"the connection failed ({_cause(error)})") from error
        except RequestException as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    # A redirect leads to a signed address that expires in seconds; the stable address gives a fresh one.
    expired = status in (401, 403, 404, 410) and response.history
    if status in _NOT_NOW or status >= 500 or expired:
        wait = asked_wait(response.headers.get("Retry-After"), datetime.now(UTC))
        raise TryAgainError(f"the server answers {status}", answered=True, wait=wait, restart=status == 416)
    raise RefusedError(f"the server answers {status} {response.reason}")


def _cause(error: BaseException) -> str:
    """The innermost reason: the outer ones repeat it inside object names and memory addresses."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"
