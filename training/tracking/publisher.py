"""Sends a journal to MLflow: `publish` in one go, `Publisher` in a thread beside a trial, as long as it takes.

Artifacts go last, since they may go to another place than the rest: a store that is away, or whose library or keys are
not here, holds up neither metrics nor the end of the run.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from training.tracking.journal import Journal, Line, Sent, read_lines
from training.tracking.records import Artifact, FileRecord, MetricsRecord, Record, StartRecord, TextRecord
from training.tracking.server import ArtifactStoreError, RequestRefusedError, RunGoneError

logger = logging.getLogger(__name__)

Deliver = Callable[[Sequence[Record], str, Path], str]
"""Hands one record, or several of metrics, to a server, see `MlflowDelivery`."""

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
METRICS_PER_REQUEST: Final = 1000
"""Most metrics in one request (mlflow.utils.validation.MAX_METRICS_PER_BATCH)."""
_NAMED: Final = 3
"""Most artifacts that a message names."""


class Publisher(threading.Thread):
    """Sends a journal from the moment records come until the end of the attempt is sent; then removes its folder.

    It never raises into the trial: what goes wrong is in `trouble`, and once per outage in the log.
    """

    def __init__(self, journal: Journal, deliver: Deliver) -> None:
        super().__init__(name=f"publisher of {journal.folder.name}", daemon=True)
        self.trouble = ""
        self.journal = journal
        self._deliver = deliver
        self._news, self._hurry = threading.Event(), threading.Event()

    def notify(self) -> None:
        """Says that the journal has something new."""
        self._news.set()

    def hurry(self) -> None:
        """Tries again now, whatever the pause after the last failure."""
        self._hurry.set()
        self._news.set()

    def run(self) -> None:
        """Sends until the end; the pause after a failure doubles while nothing arrives."""
        journal, pause, over = self.journal, _FIRST_PAUSE_S, False
        while not over:
            self._news.clear()
            over, before = journal.over, self._place()
            try:
                publish(journal, self._deliver)
                if over:
                    (journal.close if journal.sent.refused else journal.remove)()
            except Exception as error:  # noqa: BLE001 - whatever it is, the trial goes on and the record stays on disk
                known, self.trouble, over = self.trouble, str(error) or type(error).__name__, False
                if not known:
                    said = "%s; the trial goes on, and what it reports waits in %s until it can be sent"
                    logger.warning(said, self.trouble, journal.folder)
                pause = pause if self._place() == before else _FIRST_PAUSE_S
                # New records need not wait for a store of artifacts.
                end_of_pause = self._news if isinstance(error, ArtifactStoreError) else self._hurry
                end_of_pause.wait(pause * random.uniform(0.75, 1.25))  # not all publishers equally long
                hurried = self._hurry.is_set()
                self._hurry.clear()
                pause = _FIRST_PAUSE_S / 2 if hurried else min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self.trouble, pause = "", _FIRST_PAUSE_S
                if not over:
                    self._news.wait()

    def _place(self) -> tuple[int, int]:
        """How far the journal is sent."""
        return self.journal.sent.offset, len(self.journal.sent.waiting)


def publish(journal: Journal, deliver: Deliver) -> list[str]:
    """Sends all that waits in a journal, in order but artifacts last, noting after each step how far it came.

    A record that the server does not take is noted as refused and the next ones go on. Where the server has lost the
    run, all is sent again, once.

    Returns:
        Why records were refused.

    Raises:
        ArtifactStoreError: All but artifacts was sent; the journal holds these, and the message names them.
        TrackingError: The server is away; the journal holds what is left.
        OutboxError: The disk of the journal is full.
    """
    again, reasons = False, list[str]()
    while not journal.all_dealt_with:
        journal.flush()
        try:
            for group in _groups(read_lines(journal.folder, journal.sent.offset)):
                reasons += _send(journal, deliver, group)
            reasons += _send_artifacts(journal, deliver)
        except RunGoneError:
            journal.note(Sent())
            if again:
                raise
            again, reasons = True, []
    return reasons


def _groups(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Metrics that follow each other go in one request, all else alone."""
    group: list[Line] = []
    size = 0
    for line in lines:
        more = max(len(line.record.values), 1) if isinstance(line.record, MetricsRecord) else METRICS_PER_REQUEST
        if group and size + more > METRICS_PER_REQUEST:
            yield group
            group, size = [], 0
        group.append(line)
        size += more
    if group:
        yield group


def _send(journal: Journal, deliver: Deliver, group: list[Line]) -> list[str]:
    """Sends records that follow each other; an artifact is put behind all others instead."""
    sent = journal.sent
    if isinstance(group[0].record, Artifact):
        run_id, reasons, waiting = sent.run_id, list[str](), (*sent.waiting, group[0].start)
    else:
        try:
            (run_id, reasons), waiting = _offer(journal, deliver, group), sent.waiting
        except RequestRefusedError:
            if len(group) == 1:  # of the start: without a run nothing else can be sent
                raise
            return [reason for line in group for reason in _send(journal, deliver, [line])]
    count, refused = sent.count + len(group), sent.refused + len(reasons)
    journal.note(Sent(run_id=run_id, offset=group[-1].end, count=count, refused=refused, waiting=waiting))
    return reasons


def _send_artifacts(journal: Journal, deliver: Deliver) -> list[str]:
    """Sends what was put last, until there is something new; one that does not go lets the others pass next time."""
    reasons = list[str]()
    while journal.sent.waiting and not journal.has_news:
        first, *rest = journal.sent.waiting
        try:
            _, refused = _offer(journal, deliver, [next(read_lines(journal.folder, first))])
        except ArtifactStoreError as error:
            names = [_name_of(next(read_lines(journal.folder, start)).record) for start in journal.sent.waiting]
            journal.note(journal.sent.model_copy(update={"waiting": (*rest, first)}))
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            raise ArtifactStoreError(f"{error}; not there yet: {', '.join(names[:_NAMED])}{more}") from error
        count = journal.sent.refused + len(refused)
        journal.note(journal.sent.model_copy(update={"waiting": tuple(rest), "refused": count}))
        reasons += refused
    return reasons


def _offer(journal: Journal, deliver: Deliver, group: list[Line]) -> tuple[str, list[str]]:
    """Id of the run, and why the record was refused; of several, and of the start, a refusal is raised."""
    run_id = journal.sent.run_id
    try:
        return deliver([line.record for line in group], run_id, journal.folder), []
    except RequestRefusedError as error:
        if len(group) > 1 or isinstance(group[0].record, StartRecord):
            raise
        logger.warning("one record of the trial is not in MLflow: %s; it is kept in %s", error, journal.folder)
        return run_id, [str(error)]


def _name_of(record: Record) -> str:
    """Of an artifact, as people see it."""
    if isinstance(record, FileRecord):
        name = Path(record.kept).name
        return record.folder if name == record.folder else f"{record.folder}/{name}".lstrip("/")
    return record.name if isinstance(record, TextRecord) else record.kind
