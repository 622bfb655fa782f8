"""`MlflowTracker`: a trial as a run of MLflow; a server that is away neither stops nor slows it.

log_... -> journal (this machine's disk) -> publisher (a thread) -> MLflow

One experiment per study, one parent run per study and lake (`study`), one child run per attempt at a trial.
Params are immutable there, so an attempt is never resumed: trying again makes a new run with the same `trial_id` tag,
and the newest finished run of a trial_id counts.
"""

import logging
import shlex
import uuid
from collections.abc import Mapping
from pathlib import Path

from training.spec import TrialSpec
from training.tracking.delivery import MlflowDelivery
from training.tracking.journal import Journal
from training.tracking.mlflow_client import PARENT, RUN_NAME
from training.tracking.outbox import check_outbox, default_outbox
from training.tracking.publisher import Publisher
from training.tracking.records import (
    DatasetRecord,
    FinishRecord,
    MetricsRecord,
    ParamsRecord,
    Record,
    StartRecord,
    TagsRecord,
    TextRecord,
    now_ms,
)
from training.tracking.run_content import params_of, shown_name, source_tags
from training.tracking.server import TrackingError, public, resolve_uri
from training.tracking.tracker import DatasetNote, Status

logger = logging.getLogger(__name__)


class MlflowTracker:
    """One trial as one MLflow run; until `start` it holds plain values and can be sent to another process.

    Args:
        tracking_uri: `sqlite:///...` or `http(s)://...`.
        experiment: Name of the MLflow experiment: the study.
        parent_run_id: Run of the study, from `StudyTracker.run_id`.
        outbox: Folder for what is not sent yet, shared by all trials of the machine; by default `default_outbox()`.
        patience_s: Longest time that `finish` waits for the rest to be sent.

    Attributes:
        start_ms: When the attempt began, in milliseconds since 1970, if that was before `start`; else 0.

    Raises:
        TrackingError: The URI can never be used.
    """

    keeps_models = True

    def __init__(
        self,
        tracking_uri: str,
        experiment: str,
        parent_run_id: str | None = None,
        *,
        outbox: Path | None = None,
        patience_s: float = 20.0,
    ) -> None:
        self.tracking_uri = resolve_uri(tracking_uri)
        self.experiment = experiment
        self.parent_run_id = parent_run_id
        self.outbox = (outbox or default_outbox()).absolute()
        self.patience_s = patience_s
        self.start_ms = 0
        self._publisher: Publisher | None = None

    @property
    def run_id(self) -> str:
        """MLflow's run; empty until the server has answered."""
        return self._publisher.journal.sent.run_id if self._publisher is not None else ""

    @property
    def begun(self) -> bool:
        """Whether there is a record, be it only in the outbox."""
        return self._publisher is not None

    @property
    def unsent(self) -> int:
        """Records that the server does not have."""
        return self._publisher.journal.left if self._publisher is not None else 0

    def check(self) -> None:
        """Raises OutboxError where `start` could not begin a record."""
        check_outbox(self.outbox)

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        """Begins a new run with the flattened spec as params, whether or not the server is there.

        Tags are trial_id, study, seed, git_commit, attempt, those by which MLflow shows name and source, and those
        given (`recipe`, `lake`), which win: a record that is no training gives its own trial_id. A value too long for a
        param is cut; the whole is in the artifact spec.yaml.

        Raises:
            OutboxError: The outbox cannot be written.
        """
        all_tags = {
            "kind": "trial",
            "trial_id": spec.trial_id,
            "study": self.experiment,
            "seed": str(spec.seed),
            **source_tags("training"),
            RUN_NAME: f"{spec.model.name} r{spec.data.ratio} {spec.data.task} s{spec.seed}",
            **({PARENT: self.parent_run_id} if self.parent_run_id else {}),
            **tags,
        }
        start = StartRecord(
            time=self.start_ms or now_ms(),
            attempt=uuid.uuid4().hex,
            tracking_uri=public(self.tracking_uri),
            experiment=self.experiment,
            trial_id=all_tags["trial_id"],
            tags=all_tags,
        )
        self._publisher = Publisher(Journal.create(self.outbox, start), MlflowDelivery(self.tracking_uri))
        self._append(ParamsRecord(values=params_of(spec)))
        self._publisher.start()

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Notes all metrics in one record, with the time of now and the names of `training.tracking.run_content`."""
        values = {shown_name(name): float(value) for name, value in metrics.items()}
        self._append(MetricsRecord(time=now_ms(), step=step or 0, values=values))

    def set_tags(self, values: Mapping[str, str]) -> None:
        """Puts tags on the run, in place of earlier ones of their names."""
        self._append(TagsRecord(time=now_ms(), values=dict(values)))

    def log_file(self, path: Path, folder: str = "") -> None:
        """Copies a file into the outbox, to become an artifact."""
        publisher = self._running()
        publisher.journal.append_copy(path, folder)
        publisher.notify()

    def log_text(self, text: str, name: str) -> None:
        """Notes a text, to become an artifact."""
        self._append(TextRecord(name=name, text=text))

    def log_dataset(self, dataset: DatasetNote) -> None:
        """Notes a dataset input of the run."""
        self._append(DatasetRecord(note=dataset))

    def log_model(self, folder: Path) -> None:
        """Copies an MLflow model into the outbox, to become the artifact folder `model`."""
        self.log_file(folder, "model")

    def finish(self, status: Status) -> None:
        """Ends the run and waits `patience_s` for the rest to be sent.

        What could not be sent goes on being sent while this process lives, and then waits for `python -m sweeps sync`.
        """
        publisher = self._running()
        self._append(FinishRecord(time=max(now_ms(), publisher.journal.last_ms), status=status))
        publisher.hurry()
        publisher.join(self.patience_s)
        if publisher.is_alive():
            logger.warning(
                "%d records of trial %s are not in MLflow yet (%s): they wait in %s and are sent while this process "
                "lives, or by `python -m sweeps sync --outbox %s`",
                self.unsent,
                publisher.journal.folder.name,
                publisher.trouble or f"more than {self.patience_s:g} s of sending",
                publisher.journal.folder,
                shlex.quote(str(self.outbox)),
            )

    def _append(self, record: Record) -> None:
        publisher = self._running()
        publisher.journal.append(record)
        publisher.notify()

    def _running(self) -> Publisher:
        if self._publisher is None:
            raise TrackingError("the tracker has no run yet: call start(spec, tags) first")
        if self._publisher.journal.over:
            raise TrackingError("the tracker's run has ended: call start(spec, tags) for a new one")
        return self._publisher
