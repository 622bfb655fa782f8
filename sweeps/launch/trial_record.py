"""Trackers of trials that belong to a study: their runs carry their place in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sweeps.launch.checkpoints import KeptTrial
from sweeps.launch.order import Order
from training.spec import TrialSpec
from training.tracking.mlflow_client import RUN_NAME
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.tracker import Status, give_up


class TaggedTracker(MlflowTracker):
    """A run of MLflow with the labels of the trial as tags."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.tracking_uri, order.study, order.parent_run)
        self._order = order

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        """Begins a new run, named after its place in the study."""
        super().start(spec, {**tags, **self._order.tags, RUN_NAME: self._order.name})


class OwnedTracker(TaggedTracker):
    """A tracker that a later attempt at the same trial may replace; then its run does not end as finished."""

    def __init__(self, order: Order, kept: KeptTrial) -> None:
        super().__init__(order)
        self._place = kept

    def finish(self, status: Status) -> None:
        """Ends the run; raises SupersededError instead of calling it finished where another attempt has begun."""
        if status == "FINISHED":
            self._place.check_owner()
        super().finish(status)


@contextmanager
def on_record(order: Order, tracker: TaggedTracker) -> Iterator[None]:
    """Gives a record to a trial that fails before its record begins; else its study would call it never started."""
    try:
        yield
    except Exception as error:
        if not tracker.begun:
            spec = order.spec
            tracker.start(spec, {"lake": spec.data.lake})
            give_up(tracker, error)
        raise
