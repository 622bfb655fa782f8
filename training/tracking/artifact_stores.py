"""Artifacts of MLflow: whether this machine can put one where trials would, and the checkpoint of a run got back."""

import secrets
import tempfile
from pathlib import Path
from typing import Any, Final

from training.tracking.mlflow_client import asking, find_experiment, store_error, storing
from training.tracking.server import RunGoneError, check_recorded, public, resolve_uri

FOLDER: Final = "checkpoint"
"""Folder of the checkpoint among the artifacts of a run."""


def probe_artifacts(uri: str) -> str:
    """Writes a small file beside the artifacts of the newest experiment, and removes it.

    Returns:
        Where artifacts go; the server's own address for one that passes them on.

    Raises:
        ArtifactStoreError: They cannot be written from this machine.
        TrackingError: The server is away, or refuses.
    """
    with asking(uri) as client:
        newest = client.search_experiments(max_results=1)
    if not newest:
        return "no place yet: there is no experiment"
    place = str(newest[0].artifact_location)
    _write(uri, place)
    return public(place)


def check_artifacts(uri: str, experiment: str) -> None:
    """As `probe_artifacts`, beside the artifacts of an experiment, which is made if it is not there.

    For a person who is here and can mend it: once a trial runs, a server may come and go.
    """
    with asking(uri, check=True) as client:
        place = str(client.get_experiment(find_experiment(client, uri, experiment)).artifact_location)
    _write(uri, place)


def _write(uri: str, place: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    name = f"icebench-probe-{secrets.token_hex(8)}.txt"
    with tempfile.TemporaryDirectory(prefix="icebench-probe-") as folder:
        file = Path(folder) / name
        file.write_text(
            "This file says that artifacts can be written here, and is removed at once.\n", encoding="utf-8"
        )
        try:
            store: Any = get_artifact_repository(place, tracking_uri=uri)  # it has no types
            store.log_artifact(str(file))
            store.delete_artifacts(name)
        except Exception as error:  # boto3, google and requests have no error in common
            raise store_error(uri, place, error) from error


def fetch_checkpoint(uri: str, run_id: str, folder: Path) -> Path:
    """Copies the best checkpoint of a run into a folder, which is made.

    Raises:
        TrackingError: There is no server or database, it has no such run, or the run has no checkpoint.
    """
    from training.loop.checkpoint_files import BEST  # the driver of a grid probes stores, and needs nothing of the loop

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
