"""`sync`: sends what trials left in an outbox whose processes have ended. `python -m sweeps sync` is its command."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from training.tracking.delivery import MlflowDelivery
from training.tracking.journal import Journal, OutboxError, Sent, attempts, first_record
from training.tracking.publisher import publish
from training.tracking.records import FinishRecord, StartRecord
from training.tracking.server import RequestRefusedError, TrackingError, check_reachable, resolve_uri


@dataclass(frozen=True, kw_only=True)
class SyncRow:
    """What became of one attempt.

    Attributes:
        attempt: Name of its folder.
        trial_id: Of its spec; empty if it cannot be read.
        experiment: Its study.
        sent: Records sent now.
        left: Records that wait or were refused.
        note: What is to be known, else empty.
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

    An attempt that never told its end is ended as KILLED. One server that is away is asked once.

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
            row = _sync_one(folder, given, wanted, away)
        except OutboxError as error:
            row = SyncRow(attempt=folder.name, left=1, note=str(error))
        if row is not None:
            rows.append(row)
    return rows


def _sync_one(folder: Path, given: str, wanted: Callable[[StartRecord], bool], away: dict[str, str]) -> SyncRow | None:
    start = first_record(folder)
    if start is not None and not wanted(start):
        return None
    journal = Journal.take(folder)
    if start is None:  # it has just begun, has just been sent, or was killed before its first record was whole
        if journal is not None:
            journal.remove()
        return None
    row = SyncRow(attempt=folder.name, trial_id=start.trial_id, experiment=start.experiment)
    if journal is None:
        return replace(row, living=True, note="another process sends it")
    with closing(journal):
        return _send_rest(journal, given or start.tracking_uri, row, away)


def _send_rest(journal: Journal, uri: str, row: SyncRow, away: dict[str, str]) -> SyncRow:
    notes = []
    if not journal.over:
        journal.append(FinishRecord(time=journal.last_ms, status="KILLED"))
        notes.append("its process died: ended as KILLED")
    before = journal.left
    try:
        if uri in away:
            raise TrackingError(away[uri])
        check_reachable(uri)
        if journal.sent.refused:  # all is offered again: it may be allowed by now, and sending again changes nothing
            journal.note(Sent())
        notes += [f"refused: {reason}" for reason in publish(journal, MlflowDelivery(uri))]
    except RequestRefusedError as error:  # of the start record; the server is there
        notes.append(str(error))
    except TrackingError as error:
        away[uri] = str(error)
        notes.append(str(error))
    left = journal.left
    if not left:
        journal.remove()
    return replace(row, sent=max(before - left, 0), left=left, note="; ".join(notes))
