"""Where a checkpoint is: a file, the folder of a trial, a run of MLflow, or a trial under a study's storage."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from datasets.access import absolute
from datasets.prefixes import names
from datasets.storage import read
from training.loop.checkpoint import CheckpointError
from training.loop.checkpoint_files import BEST, checkpoint_file

_RUN: Final = re.compile(r"[0-9a-f]{32}")
_TRIALS: Final = "checkpoints"
"""Folder of the trials below the storage of a study."""


def find_checkpoint(given: str, scratch: Path, *, storage: str = "", tracking_uri: str = "") -> Path:
    """The file of a checkpoint; one that is not on this machine is fetched into `scratch`.

    Args:
        given: `best.pt`, the folder it is in, a run id of MLflow, or a trial_id under the storage.
        scratch: Folder that lasts as long as the file is needed.
        storage: Folder or URL that a study was given with --storage.
        tracking_uri: MLflow's.

    Raises:
        CheckpointError: It is none of these.
        TrackingError: MLflow does not answer, or has no such run or checkpoint.
    """
    if Path(given).exists():
        return checkpoint_file(Path(given))
    if _RUN.fullmatch(given):
        if not tracking_uri:
            raise CheckpointError(
                f"{given!r} looks like a run of MLflow: give --tracking-uri too, where it is recorded"
            )
        from training.tracking.run_checkpoint import fetch_checkpoint

        return fetch_checkpoint(tracking_uri, given, scratch / given)
    trials = f"{absolute(storage)}/{_TRIALS}" if storage else ""
    if trials and "/" not in given:
        content = read(f"{trials}/{given}/{BEST}")
        if content is not None:
            place = scratch / given / BEST
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            return place
    near = get_close_matches(given, names(trials), n=1) if trials else []
    near = near or _beside(Path(given))
    raise CheckpointError(
        f"there is no checkpoint {given!r}: give the best.pt of a finished trial, its folder, a run of MLflow with "
        "--tracking-uri, or a trial_id with --storage" + (f"; did you mean {near[0]!r}?" if near else "")
    )


def _beside(given: Path) -> list[str]:
    """The path in the same folder whose name is nearest."""
    folder = given.parent
    names_there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [str(folder / name) for name in get_close_matches(given.name, names_there, n=1)]
