"""`Order`: what a worker process is told of the trial that it runs; plain values, so it goes anywhere."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from sweeps.design.experiment import SEED
from training.attribution.settings import AttributionSettings
from training.spec import TrialSpec


class Order(BaseModel):
    """One trial to run.

    Attributes:
        spec: Content of the spec, bound to the lake.
        attribution: Settings of an attribution of the network that the spec's finished training left; empty to train.
        labels: What the study calls it: axis -> value as text.
        lake: URL.
        tracking_uri: Where MLflow is.
        study: Name of MLflow's experiment.
        parent_run: Run of the study.
        storage: URL below which every trial has a folder for what it needs to go on elsewhere.
        resume: Whether it may go on from what is there.
        token: Of the driver: whoever starts the trial later takes it over.
        processes: Processes of the trial.
        resources: CPUs and GPUs of each, as Ray names them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: dict[str, Any]
    attribution: dict[str, Any] = {}
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

    @property
    def trial_id(self) -> str:
        """Of the training, or of the attribution."""
        trained = TrialSpec.from_dict(self.spec).trial_id
        return self.settings.trial_id(trained) if self.attribution else trained

    @property
    def settings(self) -> AttributionSettings:
        """Of the attribution."""
        return AttributionSettings.model_validate(self.attribution)

    @property
    def name(self) -> str:
        """For progress lines: `task=pixel data.ratio=5 seed=1`."""
        return " ".join(f"{axis}={value}" for axis, value in self.labels.items())

    @property
    def tags(self) -> dict[str, str]:
        """How MLflow finds the trial by its place in the study: `axis.data.ratio` = `5`.

        An attribution has its own trial_id, and says what it `explains` and with which settings.
        """
        tags = {f"axis.{axis}": value for axis, value in self.labels.items() if axis != SEED}  # it has a tag already
        if self.attribution:
            tags |= {"trial_id": self.trial_id, "explains": TrialSpec.from_dict(self.spec).trial_id}
            tags |= {f"attribution.{name}": str(value) for name, value in self.attribution.items()}
        return tags

    @property
    def checkpoints(self) -> str:
        """URL of the trial's folder under the storage."""
        return folder_of(self.storage, self.trial_id)

    @property
    def trained(self) -> str:
        """URL of the folder of the training of the spec: its own, or the one that is explained."""
        return folder_of(self.storage, TrialSpec.from_dict(self.spec).trial_id)

    def changed(self, changes: Mapping[str, Any], labels: Mapping[str, str]) -> "Order":
        """The order for another point: these changes of the spec under these labels."""
        spec = TrialSpec.from_dict(self.spec).with_all(changes).to_dict()
        return self.model_copy(update={"spec": spec, "labels": {**self.labels, **labels}})


def folder_of(storage: str, trial_id: str) -> str:
    """URL of what a trial keeps under the storage."""
    return f"{storage}/checkpoints/{trial_id}"
