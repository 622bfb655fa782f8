"""`Order`: what a worker process is told of the trial that it runs; plain values, so it goes anywhere."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from sweeps.experiment import SEED
from training.spec import TrialSpec


class Order(BaseModel):
    """One trial to run.

    Attributes:
        spec: Content of the spec, bound to the lake.
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
        """Of the spec."""
        return TrialSpec.from_dict(self.spec).trial_id

    @property
    def name(self) -> str:
        """For progress lines: `task=pixel data.ratio=5 seed=1`."""
        return " ".join(f"{axis}={value}" for axis, value in self.labels.items())

    @property
    def tags(self) -> dict[str, str]:
        """How MLflow finds the trial by its place in the study: `axis.data.ratio` = `5`."""
        return {f"axis.{axis}": value for axis, value in self.labels.items() if axis != SEED}  # it has a tag already

    @property
    def checkpoints(self) -> str:
        """URL of the trial's folder under the storage."""
        return f"{self.storage}/checkpoints/{self.trial_id}"

    def changed(self, changes: Mapping[str, Any], labels: Mapping[str, str]) -> "Order":
        """The order for another point: these changes of the spec under these labels."""
        spec = TrialSpec.from_dict(self.spec).with_all(changes).to_dict()
        return self.model_copy(update={"spec": spec, "labels": {**self.labels, **labels}})
