"""SIGTERM, with which job servers and clusters stop a process, as an exception: it cleans up as Ctrl-C does."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_EXIT_CODE: Final = 128 + signal.SIGTERM


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """SIGTERM raises SystemExit(143) in the main thread meanwhile; elsewhere nothing can be done about it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def end(*_: object) -> None:
        nonlocal came
        came = True
        sys.exit(_EXIT_CODE)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if came:  # calls into Ray turn what a signal raises into another exception
            raise SystemExit(_EXIT_CODE) from stop
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def sigterm_kept() -> Iterator[None]:
    """Puts back how SIGTERM was handled: `ray.init` has a handler of its own, which ends the process at once."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
