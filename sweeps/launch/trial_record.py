"""The tracker of a trial that belongs to a study: its run carries its place in it, and says that it lives."""

import math
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sweeps.launch.checkpoints import TrialCheckpoints
from sweeps.launch.order import SCORE, Order
from sweeps.record.run_tags import BEAT_S, BEST, EPOCHS, NODE, alive_tag
from sweeps.record.study import script_of
from training.spec import TrialSpec
from training.tracking.mlflow_client import RUN_NAME, SOURCE
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.tracker import Status, record_failure

_SHORTEST_S: Final = 1.0
"""Epochs that follow each other faster are sent together: those of an earlier attempt come all at once."""


class StudyTrialTracker(MlflowTracker):
    """A run of MLflow with the labels of the trial as tags, which a later attempt at the same trial may replace."""

    def __init__(self, order: Order, checkpoints: TrialCheckpoints) -> None:
        super().__init__(order.tracking_uri, order.study, order.parent_run)
        self._order = order
        self._checkpoints = checkpoints
        self._best = -math.inf
        self._last_sent = -math.inf
        self._waiting: dict[str, str] = {}

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        """Begins a new run, named after its place in the study."""
        life = {NODE: platform.node(), **alive_tag(time.time())}
        self.start_ms = self._checkpoints.began  # after those before it, also where this host's clock is behind theirs
        shown = {RUN_NAME: self._order.run_name, SOURCE: script_of(self._order.study)}
        super().start(spec, {**tags, **self._order.tags, **life, **shown})
        self._last_sent = time.monotonic()

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Notes metrics; those of an epoch also as tags, which a table of all trials can read in one request."""
        super().log_metrics(metrics, step)
        if step is not None and SCORE in metrics:
            self._best = max(self._best, metrics[SCORE])
            self._waiting = {EPOCHS: str(step + 1), BEST: f"{self._best:.6g}"}
            self._send_tags(_SHORTEST_S)

    def live(self) -> None:
        """Says that the trial goes on; call it as often as you like, it is noted once in `BEAT_S`."""
        self._send_tags(BEAT_S)

    def _send_tags(self, pause_s: float) -> None:
        if time.monotonic() - self._last_sent >= pause_s:
            self._last_sent = time.monotonic()
            self.set_tags({**self._waiting, **alive_tag(time.time())})
            self._waiting = {}

    def finish(self, status: Status) -> None:
        """Ends the run; raises SupersededError instead of calling it finished where another attempt has begun."""
        if status == "FINISHED":
            self._checkpoints.check_owner(last=True)
        if self._waiting:
            self._send_tags(0.0)
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
