"""SIGTERM as an exception, in the main thread and while it is asked for."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from datasets.process.signals import sigterm_kept, sigterm_raises


def test_a_polite_kill_is_an_exit_with_its_code() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop, sigterm_raises():
        signal.raise_signal(signal.SIGTERM)
    assert stop.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_interrupt_of_its_own_stays_one() -> None:
    with pytest.raises(KeyboardInterrupt), sigterm_raises():
        raise KeyboardInterrupt


def test_another_thread_handles_no_signal() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def handler() -> object:
        with sigterm_raises():
            return signal.getsignal(signal.SIGTERM)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handler).result() == before


def test_a_handler_that_somebody_else_sets_is_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with sigterm_kept():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) == before
