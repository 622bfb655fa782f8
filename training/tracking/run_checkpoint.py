"""The checkpoint of a trial in MLflow, got back from the artifacts of its run."""

from pathlib import Path
from typing import Final

from training.loop.checkpoint_files import BEST
from training.tracking.mlflow_client import asking, storing
from training.tracking.server import RunGoneError, check_recorded, public, resolve_uri

FOLDER: Final = "checkpoint"
"""Folder of the checkpoint among the artifacts of a run."""


def fetch_checkpoint(uri: str, run_id: str, folder: Path) -> Path:
    """Copies the best checkpoint of a run into a folder, which is made.

    Raises:
        TrackingError: There is no server or database, it has no such run, or the run has no checkpoint.
    """
    place = resolve_uri(uri)
    check_recorded(place)
    folder.mkdir(parents=True, exist_ok=True)
    with asking(place, check=True) as client:
        client.get_run(run_id)  # before its artifacts, which are looked for in other places
        with storing(client, place, run_id):
            found = [each.path for each in client.list_artifacts(run_id, FOLDER)]
        if f"{FOLDER}/{BEST}" not in found:
            raise RunGoneError(
                f"the run {run_id} of MLflow at {public(place)} has no checkpoint: give the run of a finished trial, "
                "not of a study"
            )
        with storing(client, place, run_id):
            return Path(client.download_artifacts(run_id, f"{FOLDER}/{BEST}", str(folder)))
