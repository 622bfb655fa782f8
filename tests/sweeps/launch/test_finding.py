"""No check waits for ever, and no mistake of ours is taken for one of a place."""

import threading
from collections.abc import Iterator

import pytest

from datasets.errors import LakeAccessError
from sweeps.launch.finding import Finding, with_time_limit

GOOD = Finding(name="x", level="ok", message="fine")


def test_what_is_found() -> None:
    assert with_time_limit("x", lambda: [GOOD], 60) == (GOOD,)


def test_a_check_that_hangs_is_an_error() -> None:
    stop = threading.Event()

    def hang() -> Iterator[Finding]:
        stop.wait(60)
        yield GOOD

    (found,) = with_time_limit("x", hang, 0.05)
    stop.set()
    assert (found.level, found.message) == ("error", "no answer within 0 s")


@pytest.mark.parametrize("error", [LakeAccessError("access was refused"), OSError("access was refused")])
def test_an_error_of_a_place_is_what_was_found(error: Exception) -> None:
    def fail() -> Iterator[Finding]:
        yield GOOD
        raise error

    (found,) = with_time_limit("x", fail, 60)
    assert (found.level, found.message) == ("error", "access was refused")


def test_a_mistake_of_ours_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        with_time_limit("x", lambda: [GOOD] * (1 // 0), 60)
