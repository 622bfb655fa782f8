"""`Order`: one trial to run, as the driver hands it to a worker process; and the names of what the worker reports."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from sweeps.design.experiment import SEED
from sweeps.design.run_names import run_name
from sweeps.record.run_tags import AXIS_TAG
from training.attribution.settings import AttributionSettings
from training.spec import TrialSpec

ORDER: Final = "order"
"""Name of the order in a configuration of Ray, where it is JSON: Tune copies its configurations into files."""

Report = Callable[[dict[str, Any]], None]
"""Ray's function: takes the results of an epoch, and ends the worker's function where a scheduler stops the trial."""
EPOCH: Final = "epoch"
SCORE: Final = "val/f1"
"""The score that searches and schedulers use: never a test score."""
REFUSED: Final = "refused"
"""Why a trial is not to be tried again."""


class Order(BaseModel):
    """One trial to run.

    Attributes:
        spec: Of the training, bound to the lake.
        attribution: Settings of an attribution of the network that was trained by the spec; None trains.
        labels: Its place in the study: axis -> value as text.
        study: Name of MLflow's experiment, in which `parent_run` is the run of the study.
        storage: URL below which every trial has a folder for what it needs to go on elsewhere.
        resume: Whether it may go on from earlier checkpoints.
        token: Of the driver; a driver that starts the trial later takes it over.
        processes: Processes of the trial.
        resources: CPUs and GPUs of each, as Ray names them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: TrialSpec
    attribution: AttributionSettings | None = None
    labels: dict[str, str]
    lake: str
    tracking_uri: str
    study: str
    parent_run: str
    storage: str
    resume: bool = True
    token: str = ""
    processes: int = 1
    resources: dict[str, float] = {}

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> "Order":
        """From a configuration of Ray; see `config`."""
        return cls.model_validate_json(config[ORDER])

    def config(self) -> dict[str, str]:
        """As a configuration of Ray."""
        return {ORDER: self.model_dump_json()}

    @property
    def trial_id(self) -> str:
        """Of the training, or of the attribution."""
        trained = self.spec.trial_id
        return trained if self.attribution is None else self.attribution.trial_id(trained)

    @property
    def name(self) -> str:
        """For progress lines: `task=pixel data.ratio=5 seed=1`."""
        return " ".join(f"{axis}={value}" for axis, value in self.labels.items())

    @property
    def run_name(self) -> str:
        """In MLflow: `r5 pixel s1`."""
        return run_name(self.labels)

    @property
    def tags(self) -> dict[str, str]:
        """How MLflow finds the trial by its place in the study: `axis.data.ratio` = `5`.

        An attribution has its own trial_id, and says what it `explains` and with which settings.
        """
        tags = {f"{AXIS_TAG}{axis}": value for axis, value in self.labels.items() if axis != SEED}  # it has its own
        if self.attribution is not None:
            tags |= {"trial_id": self.trial_id, "explains": self.spec.trial_id}
            tags |= {f"attribution.{name}": str(value) for name, value in self.attribution.model_dump().items()}
        return tags

    @property
    def checkpoints(self) -> str:
        """URL of the trial's folder under the storage."""
        return folder_of(self.storage, self.trial_id)

    @property
    def trained(self) -> str:
        """URL of the folder of the training of the spec: its own, or the one that is explained."""
        return folder_of(self.storage, self.spec.trial_id)

    def changed(self, changes: Mapping[str, Any], labels: Mapping[str, str]) -> "Order":
        """The order for another cell: these changes of the spec under these labels."""
        return self.model_copy(update={"spec": self.spec.with_all(changes), "labels": {**self.labels, **labels}})


def folder_of(storage: str, trial_id: str) -> str:
    """URL of a trial's folder under the storage."""
    return f"{storage}/checkpoints/{trial_id}"
