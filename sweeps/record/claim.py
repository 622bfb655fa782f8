"""One driver at a time runs a study on a lake: a tag of the parent run says which, and that it still lives.

MLflow has no conditional write, so a driver writes its name, waits, and reads who is there: of two that start in the
same moment the one that wrote last stays. The tag carries a time that the driver renews; a driver that was killed is
replaced at once on its own machine, where its process can be looked for, and after `STALE_S` from another.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.errors import IceBenchError
from datasets.lock import is_running
from sweeps.record.study import StudyTracker
from training.tracking.server import TrackingError

logger = logging.getLogger(__name__)

BEAT_S: Final = 15.0
STALE_S: Final = 60.0
"""Age of a claim that nobody renews any more: four beats were missed."""

_SETTLE_S: Final = 0.5
"""Longer than two drivers need that start together to write their names."""

_TAG: Final = "driver"


class StudyClaimedError(IceBenchError, BlockingIOError):
    """Another driver runs the study."""


class Claim(BaseModel):
    """Who runs a study.

    Attributes:
        token: Unique name of the driver.
        host: Its machine.
        pid: Its process there.
        beat: When it last said that it lives, in seconds since 1970.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str
    host: str
    pid: int
    beat: float

    def is_held(self, now: float, host: str) -> bool:
        """Whether its driver may still live."""
        if self.host == host and not is_running(self.pid):
            return False
        return now - self.beat < STALE_S


@contextmanager
def claimed(study: StudyTracker) -> Iterator[str]:
    """Holds a study for this process; gives the token of the claim.

    Raises:
        StudyClaimedError: Another driver holds it.
        TrackingError: The server is away.
    """
    mine = Claim(token=uuid.uuid4().hex, host=socket.gethostname(), pid=os.getpid(), beat=time.time())
    _refuse_other(study, mine)
    study.set_tag(_TAG, mine.model_dump_json())
    time.sleep(_SETTLE_S)
    _refuse_other(study, mine)
    over = threading.Event()
    beats = threading.Thread(target=_beat, args=(study, mine, over), name="claim", daemon=True)
    beats.start()
    try:
        yield mine.token
    finally:
        over.set()
        beats.join()
        try:
            study.set_tag(_TAG, "")
        except TrackingError as away:  # it must not hide how the study ended; a claim that nobody renews lapses
            logger.warning("MLflow was not told that study %s is free again: %s", study.study, away)


def _refuse_other(study: StudyTracker, mine: Claim) -> None:
    text = study.tag(_TAG)
    if not text:
        return
    try:
        found = Claim.model_validate_json(text)
    except ValidationError:  # of another version: nobody can tell whether it lives
        return
    if found.token != mine.token and found.is_held(time.time(), mine.host):
        raise StudyClaimedError(
            f"study {study.study!r} is being run by process {found.pid} on {found.host}: wait for it, or stop it and "
            f"start again (on another machine {STALE_S:.0f} s later)"
        )


def _beat(study: StudyTracker, mine: Claim, over: threading.Event) -> None:
    while not over.wait(BEAT_S):
        try:
            study.set_tag(_TAG, mine.model_copy(update={"beat": time.time()}).model_dump_json())
        except TrackingError:  # the server is away: the trials go on, and so does the next beat
            continue
