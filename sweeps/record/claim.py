"""One driver at a time runs a study on a lake: it holds a lock under the storage that all its trials share.

MLflow has no conditional write, so a claim there would be a race. The lock carries a time that the driver renews. A
driver that was killed is replaced at once on its own machine, where its process can be looked for; on another, once it
was watched for `STALE_S` and did not renew the lock. Nobody compares the clocks of two machines, which may differ.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from datasets.errors import IceBenchError
from datasets.lock import NAME, Lock, hold, holder_of
from datasets.lock_holder import Holder
from datasets.process.terminal import err, tell
from sweeps.record.study import StudyTracker
from training.tracking.server import public

BEAT_S: Final = 15.0
STALE_S: Final = 60.0
"""Time without a sign of life after which a claim counts as abandoned: four beats were missed."""
_GLANCE_S: Final = 1.0
"""Between two looks at a claim that is watched."""

_TAG: Final = "storage"
"""Tag of the parent run: storage of its last driver, with its claim and its checkpoints."""


class StudyClaimedError(IceBenchError, BlockingIOError):
    """Another driver runs the study."""


def lock_url(storage: str, study: str, lake: str) -> str:
    """URL of the claim of a study on the lake of this digest, under a storage that all drivers and nodes see."""
    return f"{storage}/studies/{study}-{lake}/{NAME}"


@contextmanager
def claimed(storage: str, study: str, lake: str) -> Iterator[Lock]:
    """Holds a study on a lake for this process; arguments as those of `lock_url`.

    Raises:
        StudyClaimedError: Another driver holds it.
        LakeAccessError: The storage cannot be reached or refuses.
    """

    def refusal(holder: Holder | None) -> StudyClaimedError:
        who = "another process" if holder is None else holder.process
        return StudyClaimedError(f"study {study!r} is being run by {who}: wait for it, or stop it and start again")

    url = lock_url(storage, study, lake)
    with hold(url, partial(_is_gone, url), refusal, beat_s=BEAT_S) as lock:
        yield lock


def storage_changed(study: StudyTracker, storage: str, lake: str) -> str:
    """Compares the storage with that of the last driver, which the record of the study names, and notes it there.

    Returns:
        A sentence for the person if it is another one, else nothing.

    Raises:
        StudyClaimedError: A driver holds the study under the other storage.
        TrackingError: The server is away.
    """
    before, now = study.tag(_TAG), public(storage)
    if before == now:
        return ""
    if before:
        url = lock_url(before, study.study, lake)
        try:
            holder = holder_of(url)
        except (IceBenchError, OSError):  # of another machine, or gone
            holder = None
        if holder is not None and not _is_gone(url, holder):
            raise StudyClaimedError(
                f"study {study.study!r} is being run by {holder.process} with --storage {before}: wait for it, or "
                "stop it"
            )
    study.set_tag(_TAG, now)
    if not before:
        return ""
    return (
        f"study {study.study} ran with --storage {before} before: with {now} its unfinished trials start from the "
        "beginning, and a driver that still runs there may not be noticed, so make sure that there is none"
    )


def _is_gone(url: str, holder: Holder) -> bool:
    """Whether its process died on this machine, or gives no sign of life; takes `STALE_S` where only time can tell."""
    if holder.has_died_here() or not holder.host:
        return True
    if holder.is_here:
        return time.time() - holder.beat >= STALE_S
    tell(f"{holder.process} ran this study: it is replaced if it gives no sign of life within {STALE_S:.0f} s", err)
    end = time.monotonic() + STALE_S
    while time.monotonic() < end:
        time.sleep(_GLANCE_S)
        seen = holder_of(url)
        if seen is None or seen.token != holder.token:
            return True
        if seen.beat != holder.beat:
            return False
    return True
