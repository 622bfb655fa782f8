"""How long to go on asking: pure arithmetic of waiting, and the count of failures in a row."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class WebError(Exception):
    """A request that brought nothing; the message says why."""


class RefusedError(WebError):
    """The address will not answer otherwise however often it is asked."""


class GaveUpError(WebError):
    """The address failed too many times in a row."""


class TryAgainError(WebError):
    """The next try may do better.

    Attributes:
        answered: A server answered, but with something else than the file: another address may do better.
        wait: Seconds that the server asks for.
        restart: What has come so far is of no use for the next try.
    """

    def __init__(
        self, reason: str, *, answered: bool = False, wait: float | None = None, restart: bool = False
    ) -> None:
        super().__init__(reason)
        self.answered = answered
        self.wait = wait
        self.restart = restart


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Waiting times in seconds.

    Attributes:
        tries: Failures in a row that end it.
        first: Wait after the first failure; it doubles with each further one.
        longest: Of our own waits.
        longest_asked: Of the waits that a server asks for.
    """

    tries: int = 8
    first: float = 1.0
    longest: float = 60.0
    longest_asked: float = 900.0

    def wait(self, failures: int, asked: float | None = None) -> float:
        """Seconds to wait after so many failures in a row; a server that asks for more is given more."""
        own = min(self.first * 2.0 ** (failures - 1), self.longest)
        return own if asked is None else max(own, min(asked, self.longest_asked))


class Patience:
    """Counts failures in a row and waits between them; any progress starts the count anew."""

    def __init__(self, backoff: Backoff, sleep: Callable[[float], None]) -> None:
        self._backoff = backoff
        self._sleep = sleep
        self._failures = 0

    def renew(self) -> None:
        """There was progress."""
        self._failures = 0

    def after(self, error: TryAgainError) -> None:
        """Waits for the next try.

        Raises:
            GaveUpError: That was the last one.
        """
        self._failures += 1
        if self._failures >= self._backoff.tries:
            raise GaveUpError(f"{error} ({self._failures} tries in a row)") from error
        self._sleep(self._backoff.wait(self._failures, error.wait))


def asked_wait(header: str | None, now: datetime) -> float | None:
    """Reads a `Retry-After` header, seconds or a date; None where there is none that can be read."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max((date - now).total_seconds(), 0.0)
