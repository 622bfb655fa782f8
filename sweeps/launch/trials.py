"""Trials on Ray Tune: places them, watches them, and returns how each ended.

A trial of one process trains in Tune's function itself; its results are in MLflow and its checkpoints under the
storage, so only whether it ended well comes back through Ray. A trial of several processes is a Ray Train
run that Tune's function starts; that costs some 20 s, which a trial of one process does not pay.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ray import tune

from sweeps.launch.order import EPOCH, ORDER, REFUSED, SCORE, Order
from sweeps.launch.placement import Placement, Slots
from training.tracking.login import Login

RETRIES: Final = 3
"""Times that a failed trial is tried again, from its checkpoint."""

Work = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a trial ended; `error` is the last line of what went wrong, None where it ended well or was stopped."""

    trial_id: str
    name: str
    error: str | None


_NEVER_RAN: Final = Outcome(
    trial_id="",
    name="a trial",
    error="it never ran: Ray took it and gave nothing back, look at the cluster with `ray status`",
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something to show while trials run.

    Attributes:
        epoch: Epochs done so far; 0 where the trial has just begun.
        epochs: Most epochs that it may train; 0 where it trains none.
        metrics: What the trial reported last.
        ended: It is over, well or not.
    """

    name: str
    trial_id: str = ""
    epoch: int
    epochs: int = 0
    metrics: dict[str, float]
    ended: bool = False
    failed: bool = False


OnEvent = Callable[[Event], None]


def run_trials(
    orders: Sequence[Order],
    placement: Placement,
    slots: Slots,
    on_event: OnEvent,
    *,
    scheduler: Any = None,
    work: Work | None = None,
) -> list[Outcome]:
    """Runs trials on the cluster that is joined, in this order; a failed one does not stop the others.

    `on_event` is called in this process when a trial begins, after every epoch and when it is over; `scheduler` is one
    of Tune; `work` runs one trial in a worker instead of `train`.

    Returns:
        One outcome for each order, in their order; a trial without a result from Tune counts as failed.
    """
    space = {ORDER: tune.grid_search([order.config()[ORDER] for order in orders])}
    ended = {
        outcome.trial_id: outcome
        for outcome in fit(placement, slots, on_event, space=space, work=work, scheduler=scheduler)
    }
    return [
        ended.get(order.trial_id, replace(_NEVER_RAN, trial_id=order.trial_id, name=order.name)) for order in orders
    ]


def fit(
    placement: Placement,
    slots: Slots,
    on_event: OnEvent,
    *,
    space: dict[str, Any] | None = None,
    work: Work | None = None,
    **tune_options: Any,
) -> list[Outcome]:
    """As `run_trials`: every order that Tune finds in a space, or that the search algorithm of its options makes."""
    single = placement.processes == 1
    most = placement.max_concurrent if single else min(placement.max_concurrent or slots.room, slots.room)
    # Where a trial has several processes, each requests its own resources. The function that starts them needs none,
    # but Tune must be given some.
    resources = {"cpu": placement.cpus, "gpu": slots.gpus} if single else {"memory": 1.0}
    with tempfile.TemporaryDirectory(prefix="icebench-tune-") as folder:  # results are in MLflow and in the storage
        tuner = tune.Tuner(
            tune.with_resources(work or tune.with_parameters(train, login=Login.found()), resources),
            param_space=space or {},
            tune_config=tune.TuneConfig(
                reuse_actors=True,  # a new process costs 5 s of imports
                max_concurrent_trials=most,
                trial_name_creator=lambda trial: Order.of_config(trial.config).trial_id,
                # the default holds the whole configuration; the number keeps attempts of two runs apart
                trial_dirname_creator=lambda trial: f"{Order.of_config(trial.config).trial_id}-{trial.trial_id}",
                **tune_options,
            ),
            run_config=tune.RunConfig(
                name=Path(folder).name,
                storage_path=folder,
                callbacks=[Watcher(on_event)],
                failure_config=tune.FailureConfig(max_failures=RETRIES),
                verbose=0,
            ),
        )
        results = tuner.fit()
        return [_outcome(results[place]) for place in range(len(results))]


def train(config: dict[str, Any], login: Login) -> None:
    """One trial, in a worker process of Ray; the login is that of the driver, for hosts that have none.

    It comes as an object of Ray, which is in no configuration, record or log; a variable of the job would be in all.
    """
    login.use()
    order = Order.of_config(config)
    folder = Path(tune.get_context().get_trial_dir() or ".").resolve() / "trial"
    if order.attribution is not None:
        from sweeps.launch.worker import explain_order

        explain_order(order, folder, tune.report)
    elif order.processes == 1:
        from sweeps.launch.worker import run_order

        run_order(order, folder, tune.report)
    else:
        from sweeps.launch.several_processes import run_order_together

        run_order_together(order, folder, login)


class Watcher(tune.Callback):
    """Turns Tune's callbacks into events."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._orders: dict[str, Order] = {}
        self._epochs: dict[str, int] = {}

    def __getstate__(self) -> dict[str, object]:
        """Leaves the terminal out: Tune pickles its callbacks for a restore, which we do not use."""
        return {"_orders": {}, "_epochs": {}, "_on_event": _ignore}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: object) -> None:
        """The trial begins; that it goes on after a failure is no event."""
        if trial.trial_id not in self._orders:
            self._send(trial, {})

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: object
    ) -> None:
        """An epoch ended."""
        if result.get(EPOCH):
            self._epochs[trial.trial_id] = int(result[EPOCH])
            self._send(trial, {SCORE: float(result[SCORE])})

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: object) -> None:
        """The trial is over."""
        self._send(trial, {}, ended=True, failed=REFUSED in (trial.last_result or {}))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: object) -> None:
        """The trial failed for the last time."""
        self._send(trial, {}, ended=True, failed=True)

    def _send(self, trial: Any, metrics: dict[str, float], *, ended: bool = False, failed: bool = False) -> None:
        key = trial.trial_id
        if key not in self._orders:
            self._orders[key] = Order.of_config(trial.config)
        order = self._orders[key]
        self._on_event(
            Event(
                name=order.name,
                trial_id=order.trial_id,
                epoch=self._epochs.get(key, 0),
                epochs=0 if order.attribution is not None else order.spec.loop.max_epochs,
                metrics=metrics,
                ended=ended,
                failed=failed,
            )
        )


def _ignore(event: Event) -> None:
    """Listens to a watcher that was pickled."""


def _outcome(result: Any) -> Outcome:
    if result.config is None:  # Tune has no results for it
        return _NEVER_RAN
    order, error = Order.of_config(result.config), None
    if result.error is not None:
        lines = [line.strip() for line in str(result.error).splitlines() if line.strip()]
        error = lines[-1] if lines else type(result.error).__name__
    elif REFUSED in (result.metrics or {}):
        error = str(result.metrics[REFUSED])
    return Outcome(trial_id=order.trial_id, name=order.name, error=error)
