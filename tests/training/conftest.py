"""Quick torch for the tests of training."""

from tests.one_thread import one_thread

__all__ = ["one_thread"]
