"""Sends an outbox: `drain` in one go, `Sender` in a thread beside a trial, as long as it takes."""

import logging
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from training.tracking.journal import Entry
from training.tracking.outbox import Outbox
from training.tracking.records import MetricsRecord, Record, StartRecord
from training.tracking.server import RefusedError, RunGoneError

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_METRICS_AT_ONCE: Final = 1000


class Delivery(Protocol):
    """The way to a server: `training.tracking.delivery.MlflowDelivery`."""

    def deliver(self, records: Sequence[Record], run_id: str, folder: Path) -> str:
        """Hands records over and returns the run's id."""


def drain(outbox: Outbox, delivery: Delivery) -> None:
    """Sends all that is in the outbox, in order, noting after each step how far it came.

    A record that the server does not take is noted as refused and the next ones go on. Where the server has lost the
    run, all is sent again, once.

    Raises:
        TrackingError: The server is away; the outbox holds what is left.
    """
    rewound = False
    while True:
        outbox.journal.flush()
        group = next(_groups(outbox.journal.entries(outbox.progress.offset)), None)
        if group is None:
            return
        try:
            _send(outbox, delivery, group)
        except RunGoneError:
            outbox.rewind()
            if rewound:
                raise
            rewound = True


def retry_refused(outbox: Outbox, delivery: Delivery) -> None:
    """Offers refused records once more; those refused again stay noted. Raises TrackingError where it is away."""
    for refusal in outbox.progress.refused:
        entry = next(outbox.journal.entries(refusal.offset))
        try:
            delivery.deliver([entry.record], outbox.progress.run_id, outbox.folder)
        except RefusedError:
            continue
        outbox.accept(refusal)


class Sender(threading.Thread):
    """Sends an outbox from the moment records come until all is sent after the last; then removes the folder.

    It never raises into the trial: what goes wrong is in `trouble`, and once an outage in the log.
    """

    def __init__(self, outbox: Outbox, delivery: Delivery) -> None:
        super().__init__(name=f"sender of {outbox.folder.name}", daemon=True)
        self.trouble = ""
        self._outbox = outbox
        self._delivery = delivery
        self._state = threading.Condition()
        self._news = True
        self._last = False
        self._hurry = False

    def tell(self, *, last: bool = False) -> None:
        """Says that the outbox has something new; after the last the thread ends."""
        with self._state:
            self._news = True
            self._last = self._last or last
            self._state.notify_all()

    def hurry(self) -> None:
        """Tries again now, whatever the pause after the last failure."""
        with self._state:
            self._hurry = True
            self._state.notify_all()

    def wait_sent(self, seconds: float) -> bool:
        """Waits until all that was told is sent or refused; False if the time was too short."""
        self.hurry()
        with self._state:
            return self._state.wait_for(lambda: self._outbox.left == 0, seconds)

    def run(self) -> None:
        """Sends until the end."""
        pause = _FIRST_PAUSE_S
        while True:
            with self._state:
                self._state.wait_for(lambda: self._news)
                self._news = False
                last = self._last
            before = self._outbox.sent
            try:
                drain(self._outbox, self._delivery)
                if last:
                    self._close()
            except Exception as error:  # noqa: BLE001 - whatever it is, the trial goes on and the record stays on disk
                self._fail(error)
                pause = self._rest(pause if self._outbox.sent == before else _FIRST_PAUSE_S)
                continue
            with self._state:
                self.trouble = ""
                self._state.notify_all()
            if last:
                return
            pause = _FIRST_PAUSE_S

    def _close(self) -> None:
        if self._outbox.progress.refused:
            self._outbox.close()
        else:
            self._outbox.remove()

    def _fail(self, error: Exception) -> None:
        known, self.trouble = self.trouble, str(error) or type(error).__name__
        if not known:
            logger.warning(
                "%s; the trial goes on, and what it tells waits in %s until it can be sent",
                self.trouble,
                self._outbox.folder,
            )

    def _rest(self, pause: float) -> float:
        """Waits, not all senders equally long; returns the next pause, a short one after a call to hurry."""
        with self._state:
            hurried = self._state.wait_for(lambda: self._hurry, pause * random.uniform(0.75, 1.25))
            self._hurry = False
            self._news = True
        return _FIRST_PAUSE_S / 2 if hurried else min(2 * pause, _LONGEST_PAUSE_S)


def _groups(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Metrics that follow each other go in one request, all else alone."""
    group: list[Entry] = []
    size = 0
    for entry in entries:
        if not isinstance(entry.record, MetricsRecord):
            if group:
                yield group
            yield [entry]
            group, size = [], 0
            continue
        if group and size + len(entry.record.values) > _METRICS_AT_ONCE:
            yield group
            group, size = [], 0
        group.append(entry)
        size += len(entry.record.values)
    if group:
        yield group


def _send(outbox: Outbox, delivery: Delivery, group: list[Entry]) -> None:
    try:
        run_id = delivery.deliver([entry.record for entry in group], outbox.progress.run_id, outbox.folder)
    except RefusedError as error:
        if isinstance(group[0].record, StartRecord):  # without a run nothing else can be told
            raise
        if len(group) > 1:
            for entry in group:
                _send(outbox, delivery, [entry])
            return
        logger.warning("one record of the trial is not in MLflow: %s; it is kept in %s", error, outbox.folder)
        outbox.settle(group, refusal=str(error))
    else:
        outbox.settle(group, run_id=run_id)
