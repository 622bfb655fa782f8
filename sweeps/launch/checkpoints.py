"""Checkpoints of a trial under `--storage`, from which any attempt on any node can go on.

A folder belongs to the trial_id and not to a run of Ray, so a retry, another node and a new driver all find it. Its
`owner` is the attempt that started last, and when. An older attempt that is still alive, as on a host that was cut off
for a while, learns from it that it was replaced: it ends, and its checkpoints do not replace newer ones.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from datasets.errors import IceBenchError
from datasets.storage import read, remove, replace
from training.loop.checkpoint_files import BEST, LAST
from training.tracking.records import now_ms

logger = logging.getLogger(__name__)

_LAST_WORD_S: Final = 120.0
"""Longest time that a trial waits at its end for a store that is away. A host that was cut off from its cluster ends
its workers within about a minute (Ray's gcs_rpc_server_reconnect_timeout_s is 60 s); one that is back sooner is told
of a later attempt."""
_PAUSE_S: Final = 2.0


class SupersededError(IceBenchError, RuntimeError):
    """A later attempt at the same trial has begun."""


class TrialCheckpoints:
    """Checkpoints of one trial in the store; one that refuses for a while costs the trial nothing else.

    Args:
        url: Folder of the trial.
        folder: Where the trial writes its checkpoints on this machine.
        attempt: Unique name of this attempt.

    Attributes:
        began: When this attempt began, in milliseconds since 1970; later than all earlier ones, whatever the clocks of
            their hosts say.
    """

    def __init__(self, url: str, folder: Path, attempt: str) -> None:
        self.url = url
        self.folder = folder
        self.attempt = attempt
        self.began = 0
        self._wanted = threading.Event()
        self._over = False
        self._warned = False
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)

    def take(self, *, resume: bool) -> bool:
        """Becomes the owner and fetches the checkpoints of an earlier attempt; returns whether there were any.

        Raises:
            LakeAccessError: The store cannot be reached; a retry is better than a start from nothing.
        """
        _, before = _owner(read(f"{self.url}/owner"))
        self.began = max(now_ms(), before + 1)
        replace(f"{self.url}/owner", f"{self.attempt} {self.began}".encode())
        found = {name: read(f"{self.url}/{name}") if resume else None for name in (BEST, LAST)}
        whole = all(content is not None for content in found.values())
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in found.items():
            if whole and content is not None:
                (self.folder / name).write_bytes(content)
            else:
                (self.folder / name).unlink(missing_ok=True)
        self._thread.start()
        return whole

    def keep(self) -> None:
        """Puts the newest checkpoints into the store while the training goes on; older ones are skipped."""
        self._wanted.set()

    def check_owner(self, *, last: bool = False) -> None:
        """Raises SupersededError where a later attempt has begun; silent where the store cannot say.

        The `last` time, before the trial is called finished, it waits a while for a store that is away: whoever cannot
        reach it may have been replaced just because of that.
        """
        deadline = time.monotonic() + (_LAST_WORD_S if last else 0.0)
        while True:
            with self._forgiving():
                if not self._is_owner():
                    raise SupersededError("a later attempt at this trial has begun, and this one gives way to it")
                return
            if time.monotonic() >= deadline:
                return
            time.sleep(_PAUSE_S)

    def close(self, *, finished: bool) -> None:
        """Waits for the checkpoints being written; of a finished trial only the best weights stay."""
        self._over = True
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        if finished:
            with self._forgiving():
                remove(f"{self.url}/{LAST}")

    def _work(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            over = self._over
            with self._forgiving():
                if self._is_owner():
                    self._put(BEST)  # first: where a training stands is of no use without the weights that were best
                    self._put(LAST)
            if over:
                return

    def _is_owner(self) -> bool:
        return _owner(read(f"{self.url}/owner"))[0] in ("", self.attempt)

    def _put(self, name: str) -> None:
        path = self.folder / name
        if path.is_file():
            replace(f"{self.url}/{name}", path.read_bytes())

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Makes of what the store refuses a warning, once."""
        try:
            yield
        except SupersededError:
            raise
        except (IceBenchError, OSError) as error:
            if not self._warned:
                self._warned = True
                logger.warning("checkpoints are not kept at the moment: %s", error)


def _owner(content: bytes | None) -> tuple[str, int]:
    """Name and begin of the attempt that an `owner` names; an earlier program wrote the name alone."""
    name, _, began = (content or b"").decode().partition(" ")
    return name, int(began) if began.isdecimal() else 0
