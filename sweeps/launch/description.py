"""Keeps what MLflow shows of a study current while its trials run; see `sweeps.report.parent_run`."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sweeps.record.study import StudyTracker
from training.tracking.server import TrackingError

logger = logging.getLogger(__name__)

_PAUSE_S: Final = 15.0
"""Shortest time between two writings."""


@contextmanager
def keeping_current(study: StudyTracker) -> Iterator[Callable[[], None]]:
    """Describes a study now, and soon after each call of what it gives, in a thread: a server may be slow or away."""
    news, over = threading.Event(), threading.Event()

    def work() -> None:
        # A report needs much that is not needed to place the first trial.
        from sweeps.report.parent_run import write_so_far

        trouble = False
        while True:
            try:
                write_so_far(study)
                trouble = False
            except (TrackingError, ValueError) as error:  # the report at the end says all of it again
                if not trouble:
                    logger.warning("the description of study %s in MLflow is not of now: %s", study.study, error)
                trouble = True
            if over.wait(_PAUSE_S):
                return
            news.wait()
            news.clear()
            if over.is_set():
                return

    thread = threading.Thread(target=work, name=f"description of {study.study}", daemon=True)
    thread.start()
    try:
        yield news.set
    finally:
        over.set()
        news.set()
        thread.join(_PAUSE_S)
