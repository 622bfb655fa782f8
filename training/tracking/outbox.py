"""The outbox: a folder on this machine's disk that holds the journals of trials until the tracking server has them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.access import local_path
from datasets.errors import IceBenchError
from datasets.process.checkout import ROOT, shipped_by_job
from datasets.process.folders import nearest, refusal_of


class OutboxError(IceBenchError, OSError):
    """The outbox cannot be written or read: a full or read-only disk, a damaged journal. No server is to blame."""


def default_outbox() -> Path:
    """ICEBENCH_OUTBOX, else results/outbox of the project; it should be on a disk of this machine.

    A job's copy of the project is deleted with the job, so there it is a folder of the user's home.
    """
    if given := os.environ.get("ICEBENCH_OUTBOX"):
        return local_path(Path(given)).expanduser().absolute()
    if shipped_by_job():
        return Path.home() / ".icebench" / "outbox"
    return ROOT / "results" / "outbox"


def check_outbox(root: Path) -> None:
    """Raises OutboxError where no trial could write into this outbox; makes nothing."""
    with on_disk(root):
        if refusal := refusal_of(nearest(root)):
            raise refusal


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Turns what the disk raises into one sentence."""
    try:
        yield
    except OSError as error:
        raise OutboxError(
            f"the outbox {str(path)!r} cannot be written ({error.strerror or error}): free its disk, "
            "or set ICEBENCH_OUTBOX to a folder on a disk of this machine"
        ) from error
