"""`Finding`: what a check of a machine or a place found, and `with_time_limit`, which lets no check wait for ever."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from datasets.errors import IceBenchError

Level = Literal["ok", "warning", "error"]
"""`error`: a study would fail."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line for a person: what was looked at, what was found there, and what to do about it.

    The remedy is empty where nothing needs to be done, or where the message has it. A check that is `late` did not end
    in time, and still goes on.
    """

    name: str
    level: Level
    message: str
    remedy: str = ""
    late: bool = False


Check = Callable[[], Iterable[Finding]]


def with_time_limit(name: str, check: Check, seconds: float) -> tuple[Finding, ...]:
    """What a check finds; an error where it raises one of a place, or does not end in time.

    A check that is late goes on in a thread that keeps no process alive.
    """
    found: list[Finding] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            found.extend(check())
        except Exception as error:  # noqa: BLE001 - raised below, in the thread of the caller
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True, name=f"check of {name}")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        said = f"no answer within {seconds:.0f} s"
        remedy = "look whether its disk, server or driver hangs"
        return (Finding(name=name, level="error", message=said, remedy=remedy, late=True),)
    for error in raised:
        if not isinstance(error, IceBenchError | OSError):
            raise error
        return (Finding(name=name, level="error", message=str(error)),)
    return tuple(found)
