"""`MlflowDelivery`: hands records of a journal to MLflow. Handing one over again changes nothing.

A run is found by the tag `attempt` before it is made; params, tags, dataset inputs and equal metrics (same name, step,
time and value) are kept once by MLflow's store, and artifacts of the same name are written over.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import yaml

from training.tracking.journal import size_of
from training.tracking.mlflow_client import (
    RUN_NAME,
    find_experiment,
    impatient,
    open_client,
    put_text,
    speaking,
    storing,
)
from training.tracking.records import (
    DatasetRecord,
    FileRecord,
    FinishRecord,
    MetricsRecord,
    ParamsRecord,
    Record,
    StartRecord,
    TagsRecord,
    TextRecord,
)
from training.tracking.server import RequestRefusedError
from training.tracking.tracker import DatasetNote

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

_ONE_AT_A_TIME: Final = threading.Lock()
"""`impatient` changes the environment of the process."""


class MlflowDelivery:
    """The way to one tracking server.

    Args:
        uri: From `resolve_uri`; the only place that may hold user and password.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client: MlflowClient | None = None

    def __call__(self, records: Sequence[Record], run_id: str, folder: Path) -> str:
        """Hands over one record, or several of metrics, of a journal in `folder`; returns the id of the run.

        A start record finds or makes the run, all others need its id.

        Raises:
            RequestRefusedError: The server does not take it and never will.
            RunGoneError: The server does not know the run.
            ArtifactStoreError: The server is there, but its store of artifacts is not.
            TrackingError: The server is away.
        """
        with _ONE_AT_A_TIME, impatient():
            # Making a client asks for the health of the server, shortly: before the first request, which waits for
            # longer, and again after a failure.
            client, self._client = self._client or open_client(self.uri), None
            with speaking(self.uri):
                if isinstance(records[0], StartRecord):
                    run_id = _find_run(client, self.uri, records[0])
                else:
                    _hand_over(client, self.uri, run_id, records, folder)
            self._client = client
        return run_id


def _find_run(client: "MlflowClient", uri: str, start: StartRecord) -> str:
    experiment = find_experiment(client, uri, start.experiment)
    found = _runs_of(client, experiment, start.attempt)
    if found:
        return found[0]
    tags, name = {**start.tags, "attempt": start.attempt}, start.tags.get(RUN_NAME, start.trial_id)
    run = client.create_run(experiment, start_time=start.time, tags=tags, run_name=name)
    return str(run.info.run_id)


def _runs_of(client: "MlflowClient", experiment: str, attempt: str) -> list[str]:
    """Ids of the runs of an attempt, deleted ones too: what a person deleted is not made again."""
    from mlflow.entities import ViewType

    found = client.search_runs(
        [experiment],
        filter_string=f"tags.attempt = '{attempt}'",
        run_view_type=ViewType.ALL,
        order_by=["attributes.start_time ASC"],
    )
    return [run.info.run_id for run in found]


def _hand_over(client: "MlflowClient", uri: str, run_id: str, records: Sequence[Record], folder: Path) -> None:
    """Of params and metrics `log_batch` puts as many in a request as the server takes."""
    from mlflow.entities import Metric, Param, RunTag

    match records[0]:
        case MetricsRecord():
            rows = [each for each in records if isinstance(each, MetricsRecord)]
            metrics = [Metric(name, value, row.time, row.step) for row in rows for name, value in row.values.items()]
            client.log_batch(run_id, metrics=metrics)
        case ParamsRecord(values=values):
            client.log_batch(run_id, params=[Param(name, value) for name, value in values.items()])
        case TagsRecord(values=values):
            client.log_batch(run_id, tags=[RunTag(name, value) for name, value in values.items()])
        case FileRecord() as record:
            _send_copy(client, uri, run_id, record, folder / record.kept)
        case TextRecord(name=name, text=text):
            put_text(client, uri, run_id, text, name)
        case DatasetRecord(note=note):
            client.log_inputs(run_id, [_dataset(note)])
        case FinishRecord(status=status, time=time):
            client.set_terminated(run_id, status, time)
            _delete_duplicates(client, run_id)


def _send_copy(client: "MlflowClient", uri: str, run_id: str, record: FileRecord, path: Path) -> None:
    if not path.exists() or size_of(path) != record.size:
        raise RequestRefusedError(f"the copy of {path.name} was cut short when the machine crashed")
    send = client.log_artifacts if path.is_dir() else client.log_artifact
    with storing(client, uri, run_id):
        send(run_id, str(path), record.folder or None)
    if (path / "MLmodel").is_file():
        model = yaml.safe_load((path / "MLmodel").read_text(encoding="utf-8"))
        model |= {"run_id": run_id, "artifact_path": record.folder}  # MLflow finds the input example by them
        put_text(client, uri, run_id, yaml.safe_dump(model, sort_keys=False), f"{record.folder}/MLmodel")


def _delete_duplicates(client: "MlflowClient", run_id: str) -> None:
    """Deletes a second run that a request made whose answer came too late."""
    run = client.get_run(run_id)
    attempt = run.data.tags.get("attempt")
    if attempt is not None:
        for other in _runs_of(client, run.info.experiment_id, attempt):
            if other != run_id:
                client.delete_run(other)


def _dataset(note: DatasetNote) -> "DatasetInput":
    """MLflow keeps the first dataset of a name and digest in an experiment, so both tell all that may differ."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = json.dumps({"scenes": note.scenes, "lake": note.digest, "recipe": note.recipe, **note.profile})
    differs = hashlib.sha256(f"{note.url} {profile}".encode()).hexdigest()[:8]
    dataset = Dataset(
        name=f"{note.name}/{note.context}",
        digest=f"{note.digest}-{differs}",
        source_type=urlsplit(note.url).scheme or "local",
        source=json.dumps({"uri": note.url}),
        profile=profile,
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", note.context), InputTag("recipe", note.recipe)])
