"""`sync`: sends what trials left in an outbox whose processes have ended. `python -m sweeps sync` is its command."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from training.tracking.delivery import MlflowDelivery
from training.tracking.journal import Journal, Sent, attempts, read_lines
from training.tracking.outbox import OutboxError
from training.tracking.publisher import publish
from training.tracking.records import FinishRecord, StartRecord
from training.tracking.server import (
    ArtifactStoreError,
    RequestRefusedError,
    TrackingError,
    check_reachable,
    resolve_uri,
)


@dataclass(frozen=True, kw_only=True)
class SyncRow:
    """What became of one attempt, named as its folder.

    Attributes:
        trial_id: Of its spec, and `experiment` its study; empty if that cannot be read.
        sent: Records sent now; `left` wait or were refused.
        note: What a person should know, else empty.
        living: Its own process still sends; nothing was done.
    """

    attempt: str
    trial_id: str = ""
    experiment: str = ""
    sent: int = 0
    left: int = 0
    note: str = ""
    living: bool = False


def sync(
    root: Path, *, tracking_uri: str = "", wanted: Callable[[StartRecord], bool] = lambda start: True
) -> list[SyncRow]:
    """Sends what dead processes left; attempts of living ones, and of a sync at the same time, are left to them.

    An attempt without an end is ended as KILLED. One server that is away is asked once.

    Args:
        root: The outbox.
        tracking_uri: Where to send instead of where the trials would have: the server has moved, or needs user and
            password, which the outbox does not hold.
        wanted: Chooses attempts.

    Returns:
        One row for each attempt that was wanted.

    Raises:
        TrackingError: `tracking_uri` can never be used.
    """
    given = resolve_uri(tracking_uri) if tracking_uri else ""
    away: dict[str, str] = {}
    rows = []
    for folder in attempts(root):
        try:
            start = _start_of(folder)
            if start is not None and wanted(start):
                rows.append(_sync_one(folder, start, given or start.tracking_uri, away))
        except OutboxError as error:
            rows.append(SyncRow(attempt=folder.name, left=1, note=str(error)))
    return rows


def _start_of(folder: Path) -> StartRecord | None:
    """The first record; None if the attempt was sent meanwhile, or was killed before that record was whole."""
    try:
        line = next(read_lines(folder), None)
    except FileNotFoundError:
        return None
    if line is None:
        journal = Journal.take(folder)
        if journal is not None:
            (journal.close if journal.count else journal.remove)()
        return None
    if not isinstance(line.record, StartRecord):
        raise OutboxError(
            f"the journal of {str(folder)!r} lacks its first line, which says what trial it is of: put that back, or "
            "remove the folder"
        )
    return line.record


def _sync_one(folder: Path, start: StartRecord, uri: str, away: dict[str, str]) -> SyncRow:
    row = SyncRow(attempt=folder.name, trial_id=start.trial_id, experiment=start.experiment)
    journal = Journal.take(folder)
    if journal is None:
        return replace(row, living=True, note="another process sends it")
    notes = []
    with closing(journal):
        if not journal.over:
            journal.append(FinishRecord(time=journal.last_ms, status="KILLED"))
            notes.append("its process died: ended as KILLED")
        before = journal.left
        try:
            if uri in away:
                raise TrackingError(away[uri])
            check_reachable(uri)
            if journal.sent.refused:  # all is offered again: it may be allowed by now
                journal.note(Sent())
            notes += [f"refused: {reason}" for reason in publish(journal, MlflowDelivery(uri))]
        except TrackingError as error:
            notes.append(str(error))
            if not isinstance(error, RequestRefusedError | ArtifactStoreError):  # the server is there
                away[uri] = str(error)
        except OutboxError as error:  # this machine's disk is full; the server is there
            notes.append(str(error))
        left = journal.left
        if not left:
            journal.remove()
    return replace(row, sent=max(before - left, 0), left=left, note="; ".join(notes))
