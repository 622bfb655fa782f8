"""MLflow's client as this project uses it: no global active run, and every failure as one sentence.

mlflow is imported when a client is made, not with this module: it costs seconds that `--help` does not need.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from training.tracking.server import (
    RequestRefusedError,
    RunGoneError,
    TrackingError,
    artifact_folder,
    check_reachable,
    public,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT: Final = "mlflow.parentRunId"
"""Tag by which MLflow nests a run below another."""
RUN_NAME: Final = "mlflow.runName"
"""Tag with what MLflow calls a run in its tables."""
_REFUSALS: Final = frozenset({"INVALID_PARAMETER_VALUE", "BAD_REQUEST"})
"""Codes by which the server says that this very request is wrong, however often it comes."""
_PASSING: Final = frozenset({401, 403, 404, 408, 425, 429})
"""HTTP codes below 500 that speak of login, address or load, not of the request."""


def open_client(uri: str, *, check: bool = True) -> "MlflowClient":
    """A client without any global active run; `check` asks the server once, shortly, before MLflow's own patience."""
    if check:
        check_reachable(uri)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    folder = artifact_folder(uri)
    if folder is not None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Without it the store of a sqlite URI makes ./mlruns in whatever folder the process runs.
        os.environ.setdefault("_MLFLOW_SERVER_ARTIFACT_ROOT", folder.as_uri())
    from mlflow import MlflowClient

    with speaking(uri):
        return MlflowClient(tracking_uri=uri)


@contextmanager
def asking(uri: str, *, check: bool = False) -> Iterator["MlflowClient"]:
    """A client whose failures are those of `speaking`; `check` as for `open_client`."""
    client = open_client(uri, check=check)
    with speaking(uri):
        yield client


def all_pages(search: Callable[[str | None], Any]) -> list[Any]:
    """Everything that a search finds; `search` takes the token of a page, None for the first."""
    page = search(None)
    found = list(page)
    while page.token:
        page = search(page.token)
        found += page
    return found


def find_experiment(client: "MlflowClient", uri: str, name: str) -> str:
    """Id of the experiment of this name, made if it is not there; artifacts of a sqlite store go beside its file."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        folder = artifact_folder(uri)
        try:
            return str(client.create_experiment(name, artifact_location=folder.as_uri() if folder else None))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)  # another process was faster
    if found is None or found.lifecycle_stage != "active":
        raise TrackingError(
            f"the MLflow experiment {name!r} was deleted: restore it with `mlflow experiments restore`, "
            "or use another name"
        )
    return str(found.experiment_id)


@contextmanager
def speaking(uri: str) -> Iterator[None]:
    """Turns what MLflow and the network raise into one sentence, without user and password.

    Raises:
        RequestRefusedError: The server understood, and says that the request is wrong.
        RunGoneError: The server does not know the run.
        TrackingError: Anything else: it may go better later.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        if isinstance(error, TrackingError):
            raise
        reason = re.sub(r"//[^/@\s]+@", "//", (str(error).splitlines() or [type(error).__name__])[0])
        code = error.error_code if isinstance(error, MlflowException) else ""
        status = getattr(getattr(error, "response", None), "status_code", 0)  # of requests, for an artifact
        if code == "RESOURCE_DOES_NOT_EXIST":
            raise RunGoneError(f"MLflow at {public(uri)} has no such run ({reason}): it was removed") from error
        if code in _REFUSALS or (400 <= status < 500 and status not in _PASSING):
            raise RequestRefusedError(f"MLflow at {public(uri)} refused ({reason})") from error
        raise TrackingError(f"MLflow at {public(uri)} failed ({reason}): check the server and its log") from error


@contextmanager
def impatient() -> Iterator[None]:
    """MLflow's requests in here are not repeated by its own HTTP layer, which would hide a server that is away.

    It would also make a second run where the answer to the first request was lost. MLflow reads the number of
    repetitions from the environment at each request and has no other way to give it.
    """
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    before = os.environ.get(name)
    os.environ[name] = "0"
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
