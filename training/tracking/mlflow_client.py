"""MLflow's client as this project uses it: no global active run, and every failure as one sentence.

mlflow is imported when a client is made, not with this module: it costs seconds that `--help` does not need.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from datasets.errors import IceBenchError
from training.tracking.server import (
    VIEW,
    ArtifactStoreError,
    RequestRefusedError,
    RunGoneError,
    TrackingError,
    artifact_folder,
    check_reachable,
    public,
    without_secrets,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT: Final = "mlflow.parentRunId"
"""Tag by which MLflow nests a run below another."""
RUN_NAME: Final = "mlflow.runName"
"""Tag with what MLflow calls a run in its tables."""
SOURCE: Final = "mlflow.source.name"
"""Tag with the program that made a run."""
DESCRIPTION: Final = "mlflow.note.content"
"""Tag with Markdown that the page of a run shows on top."""
VIEW_TAG: Final = f"mlflow.sharedViewState.{VIEW}"
"""Tag of an experiment with what its table shows at the address of `table_link`."""
TAG_LIMIT: Final = 8000
"""Longest tag that MLflow keeps whole (mlflow.utils.validation.MAX_TAG_VAL_LENGTH)."""
_REFUSALS: Final = frozenset({"INVALID_PARAMETER_VALUE", "BAD_REQUEST"})
"""Codes by which the server says that this very request is wrong, however often it comes."""
_PASSING: Final = frozenset({401, 403, 404, 408, 425, 429})
"""HTTP codes below 500 that speak of login, address or load, not of the request."""
_NOT_OF_MLFLOW: Final = frozenset({"builtins", "datasets", "training", "sweeps", "pydantic_core", "zarr"})
"""Where errors come from that are mistakes of this project; all others are of MLflow, its database or its network."""
_OWN_SERVER: Final = "or let the server pass artifacts on: mlflow server --artifacts-destination ..."
_DISK: Final = "make its folder writable for this user, or free its disk"
_REMEDY: Final = f"install its library and give its keys here, {_OWN_SERVER}"
_REMEDIES: Final = {
    "s3": "install boto3 (pip install boto3), check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, MLFLOW_S3_ENDPOINT_URL "
    f"and the bucket, {_OWN_SERVER}",
    "mlflow-artifacts": "look at the server's log, and at its --artifacts-destination",
    "file": _DISK,
    "": _DISK,
}
"""What to do, by the scheme of the store."""


def open_client(uri: str, *, check: bool = True) -> "MlflowClient":
    """A client without any global active run; `check` asks the server once, shortly, before MLflow's own patience."""
    if check:
        check_reachable(uri)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # Its own lines at the end of a run have addresses that open its pages for language models; ours do not.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
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
    try:
        yield
    except IceBenchError:  # a sentence already
        raise
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] in _NOT_OF_MLFLOW:
            raise
        code, reason = getattr(error, "error_code", ""), _reason(error)
        if code == "RESOURCE_DOES_NOT_EXIST":
            raise RunGoneError(f"MLflow at {public(uri)} has no such run ({reason}): it was removed") from error
        if code in _REFUSALS or _is_refusal(error):
            raise RequestRefusedError(f"MLflow at {public(uri)} refused ({reason})") from error
        raise TrackingError(f"MLflow at {public(uri)} failed ({reason}): check the server and its log") from error


@contextmanager
def storing(client: "MlflowClient", uri: str, run_id: str) -> Iterator[None]:
    """Turns whatever a store of artifacts raises into one sentence; only calls of MLflow belong in here.

    Without a proxy MLflow calls the library of the store in this process, and these have no error in common: boto3
    alone raises ModuleNotFoundError, NoCredentialsError, ClientError and S3UploadFailedError.

    Raises:
        RequestRefusedError: The server does not take the artifact and never will.
        RunGoneError: The server does not know the run, or not this artifact of it.
        ArtifactStoreError: The server is there and its store does not work from here.
        TrackingError: The server is away.
    """
    try:
        yield
    except Exception as error:
        if getattr(error, "error_code", "") in {"RESOURCE_DOES_NOT_EXIST", *_REFUSALS} or _is_refusal(error):
            with speaking(uri):
                raise
        with speaking(uri):  # which of the two is away?
            place = client.get_run(run_id).info.artifact_uri
        raise store_error(uri, place, error) from error


def put_numbers(
    client: "MlflowClient",
    run_id: str,
    *,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    time: int = 0,
    step: int = 0,
) -> None:
    """Params, tags and metrics of one moment; doing it again changes nothing. A param keeps its first value."""
    from mlflow.entities import Metric, Param, RunTag

    known = client.get_run(run_id).data.params if params else {}
    client.log_batch(
        run_id,
        params=[Param(name, value) for name, value in (params or {}).items() if name not in known],
        tags=[RunTag(name, value) for name, value in (tags or {}).items()],
        metrics=[Metric(name, value, time, step) for name, value in (metrics or {}).items()],
    )


def put_lake(client: "MlflowClient", run_id: str, url: str, digest: str) -> None:
    """Names the lake of a study among the datasets of its run."""
    from mlflow.entities import Dataset, DatasetInput

    place = without_secrets(url)
    kind = urlsplit(place).scheme or "local"
    lake = Dataset(name="lake", digest=digest, source_type=kind, source=json.dumps({"uri": place}))
    client.log_inputs(run_id, [DatasetInput(lake, [])])


def put_text(client: "MlflowClient", uri: str, run_id: str, text: str, name: str) -> None:
    """Writes a small artifact; errors are those of `storing`."""
    with storing(client, uri, run_id):
        client.log_text(run_id, text, name)


def store_error(uri: str, place: str, error: Exception) -> ArtifactStoreError:
    """One sentence about a store of artifacts that raised something: place, cause and remedy."""
    remedy = _REMEDIES.get(urlsplit(place).scheme, _REMEDY)
    return ArtifactStoreError(
        f"the artifact store {public(place)!r} of MLflow at {public(uri)} cannot be used from this machine "
        f"({_reason(error)}): {remedy}"
    )


def _reason(error: Exception) -> str:
    """First line of an error, without user and password."""
    return re.sub(r"//[^/@\s]+@", "//", (str(error).splitlines() or [type(error).__name__])[0])


def _is_refusal(error: Exception) -> bool:
    """Whether an answer over HTTP says that this very request is wrong."""
    status = getattr(getattr(error, "response", None), "status_code", 0)  # of requests
    return 400 <= status < 500 and status not in _PASSING


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
