"""Whether this machine can log in to a tracking server and put an artifact where trials would; leaves nothing there."""

import secrets
import tempfile
from pathlib import Path
from typing import Any

from training.tracking.mlflow_client import asking
from training.tracking.server import TrackingError, public


def probe_artifacts(uri: str) -> str:
    """Writes a small file beside the artifacts of the newest experiment, and removes it.

    Returns:
        Where artifacts go; the server's own address for one that passes them on.

    Raises:
        TrackingError: The server refuses the login, or its store of artifacts cannot be written from here.
    """
    with asking(uri) as client:
        newest = client.search_experiments(max_results=1)
    if not newest:
        return "no place yet: there is no experiment"
    place = str(newest[0].artifact_location)
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    name = f"icebench-probe-{secrets.token_hex(8)}.txt"
    with tempfile.TemporaryDirectory(prefix="icebench-probe-") as folder:
        file = Path(folder) / name
        file.write_text("written by a check of the artifact store, and removed at once\n")
        try:
            store: Any = get_artifact_repository(place, tracking_uri=uri)
            store.log_artifact(str(file))
            store.delete_artifacts(name)
        except Exception as error:  # boto3, google and requests have no error in common
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise TrackingError(
                f"artifacts of MLflow at {public(uri)} cannot be written to {public(place)!r} from here ({reason}): "
                "give this machine the library and the keys of that store, or let the server pass artifacts on "
                "(`mlflow server --artifacts-destination ...`)"
            ) from error
    return public(place)
