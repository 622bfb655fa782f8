"""Whether this machine can put artifacts where those of MLflow's trials go."""

import secrets
import tempfile
from pathlib import Path
from typing import Any

from training.tracking.mlflow_client import asking, find_experiment, store_error
from training.tracking.server import public


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
