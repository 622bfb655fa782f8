"""Sends a journal: `publish` in one go, `Publisher` in a thread beside a trial, as long as it takes."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from training.tracking.journal import Journal, Line, Sent
from training.tracking.records import MetricsRecord, Record, StartRecord
from training.tracking.server import RequestRefusedError, RunGoneError

logger = logging.getLogger(__name__)

Deliver = Callable[[Sequence[Record], str, Path], str]
"""The way to a server: `training.tracking.delivery.MlflowDelivery`."""

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_METRICS_AT_ONCE: Final = 1000


def publish(journal: Journal, deliver: Deliver) -> list[str]:
    """Sends all that waits in a journal, in order, noting after each step how far it came.

    A record that the server does not take is noted as refused and the next ones go on. Where the server has lost the
    run, all is sent again, once.

    Returns:
        Why records were refused.

    Raises:
        TrackingError: The server is away; the journal holds what is left.
    """
    again, reasons = False, list[str]()
    while not journal.all_dealt_with:
        journal.flush()
        try:
            for group in _groups(journal.lines(journal.sent.offset)):
                reasons += _send(journal, deliver, group)
        except RunGoneError:
            journal.note(Sent())
            if again:
                raise
            again, reasons = True, []
    return reasons


class Publisher(threading.Thread):
    """Sends a journal from the moment records come until the end of the attempt is sent; then removes its folder.

    It never raises into the trial: what goes wrong is in `trouble`, and once per outage in the log.
    """

    def __init__(self, journal: Journal, deliver: Deliver) -> None:
        super().__init__(name=f"publisher of {journal.folder.name}", daemon=True)
        self.trouble = ""
        self._journal = journal
        self._deliver = deliver
        self._news = threading.Event()
        self._hurry = threading.Event()

    def tell(self) -> None:
        """Says that the journal has something new."""
        self._news.set()

    def hurry(self) -> None:
        """Tries again now, whatever the pause after the last failure."""
        self._hurry.set()

    def wait_sent(self, seconds: float) -> bool:
        """Waits until all that was told is sent or refused; False if the time was too short."""
        self.hurry()
        deadline = time.monotonic() + seconds
        while not self._journal.all_dealt_with:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def run(self) -> None:
        """Sends until the end."""
        pause = _FIRST_PAUSE_S
        over = False
        while not over:
            self._news.clear()
            over, before = self._journal.over, self._journal.sent.offset
            try:
                publish(self._journal, self._deliver)
                if over:
                    (self._journal.close if self._journal.sent.refused else self._journal.remove)()
            except Exception as error:  # noqa: BLE001 - whatever it is, the trial goes on and the record stays on disk
                over = False
                self._fail(error)
                pause = self._rest(pause if self._journal.sent.offset == before else _FIRST_PAUSE_S)
                continue
            self.trouble, pause = "", _FIRST_PAUSE_S
            if not over:
                self._news.wait()

    def _fail(self, error: Exception) -> None:
        known, self.trouble = self.trouble, str(error) or type(error).__name__
        if not known:
            logger.warning(
                "%s; the trial goes on, and what it tells waits in %s until it can be sent",
                self.trouble,
                self._journal.folder,
            )

    def _rest(self, pause: float) -> float:
        """Waits, not all publishers equally long; returns the next pause, a short one after a call to hurry."""
        hurried = self._hurry.wait(pause * random.uniform(0.75, 1.25))
        self._hurry.clear()
        return _FIRST_PAUSE_S / 2 if hurried else min(2 * pause, _LONGEST_PAUSE_S)


def _groups(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Metrics that follow each other go in one request, all else alone."""
    group: list[Line] = []
    size = 0
    for line in lines:
        more = max(len(line.record.values), 1) if isinstance(line.record, MetricsRecord) else _METRICS_AT_ONCE
        if group and size + more > _METRICS_AT_ONCE:
            yield group
            group, size = [], 0
        group.append(line)
        size += more
    if group:
        yield group


def _send(journal: Journal, deliver: Deliver, group: list[Line]) -> list[str]:
    sent, reasons = journal.sent, list[str]()
    run_id = sent.run_id
    try:
        run_id = deliver([line.record for line in group], run_id, journal.folder)
    except RequestRefusedError as error:
        if isinstance(group[0].record, StartRecord):  # without a run nothing else can be told
            raise
        if len(group) > 1:
            return [reason for line in group for reason in _send(journal, deliver, [line])]
        logger.warning("one record of the trial is not in MLflow: %s; it is kept in %s", error, journal.folder)
        reasons.append(str(error))
    count, refused = sent.count + len(group), sent.refused + len(reasons)
    journal.note(Sent(run_id=run_id, offset=group[-1].end, count=count, refused=refused))
    return reasons
