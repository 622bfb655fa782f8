"""The tracker of a trial that belongs to a study: its run carries its place in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sweeps.launch.checkpoints import TrialCheckpoints
from sweeps.launch.order import Order
from training.spec import TrialSpec
from sweeps.record.study import script_of
from training.tracking.mlflow_client import RUN_NAME, SOURCE
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.tracker import Status, record_failure


class StudyTrialTracker(MlflowTracker):
    """A run of MLflow with the labels of the trial as tags, which a later attempt at the same trial may replace."""

    def __init__(self, order: Order, checkpoints: TrialCheckpoints) -> None:
        super().__init__(order.tracking_uri, order.study, order.parent_run)
        self._order = order
        self._checkpoints = checkpoints

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        """Begins a new run, named after its place in the study."""
        super().start(spec, {**tags, **self._order.tags, RUN_NAME: self._order.run_name, SOURCE: script_of(self._order.study)})

    def finish(self, status: Status) -> None:
        """Ends the run; raises SupersededError instead of calling it finished where another attempt has begun."""
        if status == "FINISHED":
            self._checkpoints.check_owner()
        super().finish(status)


@contextmanager
def recorded(order: Order, tracker: StudyTrialTracker) -> Iterator[None]:
    """A trial that fails before its record begins gets one: its study would call it never started."""
    try:
        yield
    except Exception as error:
        if not tracker.begun:
            tracker.start(order.spec, {"lake": order.spec.data.lake})
            record_failure(tracker, error)
        raise
