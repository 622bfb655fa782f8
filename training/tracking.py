"""MLflow: trials as runs. The only module that imports mlflow; `training.study` holds what is above the trials.

One experiment per study, one parent run per study and lake, one child run per attempt at a trial. Params are immutable
there, so an attempt is never resumed: trying again makes a new run with the same `trial_id` tag, and the newest
finished run of a trial_id counts.

mlflow is imported when a client is made, not with this module: it costs seconds that `--help` does not need.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from training.spec import TrialSpec
from training.tracker import Status
from training.tracking_server import TrackingError, artifact_folder, check_reachable, public, resolve_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT = "mlflow.parentRunId"
"""Tag by which MLflow nests a run below another."""

_PARAM_LIMIT = 6000
"""Longest param value that MLflow takes (mlflow.utils.validation.MAX_PARAM_VAL_LENGTH)."""
_BATCH = 100
"""Most params or tags in one request (mlflow.utils.validation.MAX_PARAMS_TAGS_PER_BATCH); metrics may be 1000."""


class MlflowTracker:
    """One trial as one MLflow run, below a study's parent run if there is one.

    It holds three strings until `start`, so it can be made anywhere and sent to another process.

    Args:
        tracking_uri: `sqlite:///...` or `http(s)://...`.
        experiment: Name of the MLflow experiment: the study.
        parent_run_id: Run of the study, from `StudyTracker.run_id`.
    """

    def __init__(self, tracking_uri: str, experiment: str, parent_run_id: str | None = None) -> None:
        self.tracking_uri = resolve_uri(tracking_uri)
        self.experiment = experiment
        self.parent_run_id = parent_run_id
        self.run_id = ""

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        """Makes a new run with the flattened spec as params.

        Tags are trial_id, study, seed, git_commit and those given (`recipe`, `lake`). A value too long for a param is
        cut; the whole is in the artifact spec.yaml.

        Raises:
            TrackingError: The server is away or refuses.
        """
        client = open_client(self.tracking_uri)
        all_tags = {
            "kind": "trial",
            "trial_id": spec.trial_id,
            "study": self.experiment,
            "seed": str(spec.seed),
            "git_commit": git_commit(),
            **({PARENT: self.parent_run_id} if self.parent_run_id else {}),
            **tags,
        }
        with speaking(self.tracking_uri):
            experiment = find_experiment(client, self.tracking_uri, self.experiment)
            run = client.create_run(experiment, tags=all_tags, run_name=spec.trial_id)
            self.run_id = run.info.run_id
            from mlflow.entities import Param

            params = [Param(name, _cut("" if value is None else str(value))) for name, value in spec.flat().items()]
            for start in range(0, len(params), _BATCH):
                client.log_batch(self.run_id, params=params[start : start + _BATCH])

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Sends all metrics in one request."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        entries = [Metric(name, float(value), now, step or 0) for name, value in metrics.items()]
        with speaking(self.tracking_uri):
            self._client().log_batch(self.run_id, metrics=entries)

    def log_file(self, path: Path, folder: str = "") -> None:
        """Uploads a file as an artifact."""
        with speaking(self.tracking_uri):
            self._client().log_artifact(self.run_id, str(path), folder or None)

    def log_text(self, text: str, name: str) -> None:
        """Uploads a text as an artifact."""
        with speaking(self.tracking_uri):
            self._client().log_text(self.run_id, text, name)

    def finish(self, status: Status) -> None:
        """Sets the run's status and end."""
        with speaking(self.tracking_uri):
            self._client().set_terminated(self.run_id, status)

    def _client(self) -> "MlflowClient":
        if not self.run_id:
            raise TrackingError("the tracker has no run yet: call start(spec, tags) first")
        return open_client(self.tracking_uri, check=False)


def git_commit() -> str:
    """Commit of this checkout, with `-dirty` if files differ from it; ICEBENCH_GIT_COMMIT wins; else `unknown`."""
    given = os.environ.get("ICEBENCH_GIT_COMMIT")
    if given:
        return given
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    root = Path(__file__).parents[1]
    try:
        found = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):  # no git here (an image, a copied tree), or no commit yet
        return "unknown"
    return found.stdout.strip() or "unknown"


def open_client(uri: str, *, check: bool = True) -> "MlflowClient":
    """A client without any global active run.

    `check` asks the server once, shortly, before MLflow's own patience begins.
    """
    if check:
        check_reachable(uri)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    folder = artifact_folder(uri)
    if folder is not None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Without it the store of a sqlite URI makes ./mlruns in whatever folder the process runs.
        os.environ.setdefault("_MLFLOW_SERVER_ARTIFACT_ROOT", folder.as_uri())
    from mlflow import MlflowClient

    with speaking(uri):
        return MlflowClient(tracking_uri=uri)


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
    """Turns what MLflow and the network raise into one sentence."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        if isinstance(error, TrackingError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrackingError(f"MLflow at {public(uri)} failed ({reason}): check the server and its log") from error


def _cut(value: str) -> str:
    return value if len(value) <= _PARAM_LIMIT else f"{value[: _PARAM_LIMIT - 3]}..."
