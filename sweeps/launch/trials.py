"""Trials on Ray Tune: places them, watches them, says what became of each.

A trial of one process trains in Tune's function itself; its results are in MLflow and its checkpoints under the
storage, so nothing has to come back through Ray but whether it ended well. A trial of several processes is a Ray Train
run that Tune's function starts; that costs some 20 s, which a trial of one process does not pay.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ray import tune

from sweeps.launch.order import Order
from sweeps.launch.placement import Placement, Slots
from sweeps.launch.report_keys import EPOCH, REFUSED, SCORE

RETRIES: Final = 3
"""Times that a failed trial is tried again, from its checkpoint."""

ORDER: Final = "order"
Work = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a trial ended.

    Attributes:
        trial_id: Which.
        name: Its labels.
        error: Last line of what went wrong; None for one that ended well or was stopped by a scheduler.
    """

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
        name: Labels of the trial.
        epoch: Epochs done so far.
        metrics: What the trial reported last.
        ended: The trial is over, well or not.
        failed: It ended with an error.
    """

    name: str
    epoch: int
    metrics: dict[str, float]
    ended: bool = False
    failed: bool = False


OnEvent = Callable[[Event], None]
OrderFinder = Callable[[dict[str, Any]], Order]
"""Finds the order in a configuration of Tune."""


def plain_order(config: dict[str, Any]) -> Order:
    """The order of a trial that was placed as it is."""
    return Order.model_validate(config[ORDER])


def run_trials(
    orders: Sequence[Order],
    placement: Placement,
    slots: Slots,
    on_event: OnEvent,
    *,
    scheduler: Any = None,
    work: Work | None = None,
) -> list[Outcome]:
    """Runs trials on the cluster that is joined; a failed one does not stop the others.

    Args:
        orders: What to run, in this order.
        placement: Resources.
        slots: What the cluster has of them.
        on_event: Called in this process after every epoch and every end of a trial.
        scheduler: Of Tune, which may stop trials early.
        work: Runs one trial in a worker instead of `run_order`.

    Returns:
        One outcome an order, in their order; a trial that Tune gave up without a word is a failed one.
    """
    space = {ORDER: tune.grid_search([order.model_dump() for order in orders])}
    found = fit(work or train, space, placement, slots, on_event, scheduler=scheduler)
    ended = {outcome.trial_id: outcome for outcome in found}
    return [
        ended.get(order.trial_id, replace(_NEVER_RAN, trial_id=order.trial_id, name=order.name)) for order in orders
    ]


def fit(
    work: Work,
    space: dict[str, Any],
    placement: Placement,
    slots: Slots,
    on_event: OnEvent,
    *,
    order_in: OrderFinder = plain_order,
    storage: str = "",
    **tune_options: Any,
) -> list[Outcome]:
    """Runs what Tune makes of a space of configurations.

    Args:
        work: Runs one configuration in a worker.
        space: Of Tune.
        placement: Resources.
        slots: What the cluster has of them.
        on_event: Listener.
        order_in: Finds the order in a configuration.
        storage: Where Tune keeps its records; a temporary folder of this machine if empty: what counts is in MLflow and
            under the storage of the study.
        tune_options: Search algorithm, scheduler, number of samples.
    """
    alone = placement.processes == 1
    options: dict[str, Any] = {
        "reuse_actors": True,  # a new process costs 5 s of imports
        "max_concurrent_trials": placement.max_concurrent
        if alone
        else min(placement.max_concurrent or slots.room, slots.room),
        "trial_name_creator": lambda trial: order_in(trial.config).trial_id,
        # the default holds the whole config; the number keeps trials apart that a search asks for twice
        "trial_dirname_creator": lambda trial: f"{order_in(trial.config).trial_id}-{trial.trial_id}",
    }
    with tempfile.TemporaryDirectory(prefix="icebench-tune-") as folder:
        tuner = tune.Tuner(
            # Of several processes each asks for its own place; the function that starts them needs none, but Tune wants
            # one to be named.
            tune.with_resources(work, {"cpu": placement.cpus, "gpu": slots.gpus} if alone else {"memory": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(**options, **tune_options),
            run_config=tune.RunConfig(
                name=Path(folder).name,
                storage_path=storage or folder,
                callbacks=[Watcher(order_in, on_event)],
                failure_config=tune.FailureConfig(max_failures=RETRIES),
                verbose=0,
            ),
        )
        results = tuner.fit()
        ended = [results[place] for place in range(len(results))]
    return [
        _NEVER_RAN if result.config is None else _outcome(order_in(result.config), result)  # Tune has no more to say
        for result in ended
    ]


def train(config: dict[str, Any]) -> None:
    """One trial, in a worker process of Ray."""
    order = Order.model_validate(config[ORDER])
    folder = Path(tune.get_context().get_trial_dir() or ".").resolve() / "trial"
    if order.attribution:
        from sweeps.launch.explaining import explain_order

        explain_order(order, folder, tune.report)
    elif order.processes == 1:
        from sweeps.launch.worker import run_order

        run_order(order, folder, tune.report)
    else:
        _train_together(order, folder)


def _train_together(order: Order, folder: Path) -> None:
    """One trial of several processes: Ray Train places them and sets up `torch.distributed`."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    def together(config: dict[str, Any]) -> None:
        import ray.train

        from sweeps.launch.worker import run_order

        run_order(Order.model_validate(config[ORDER]), Path(config["folder"]), ray.train.report)

    TorchTrainer(
        together,
        train_loop_config={ORDER: order.model_dump(), "folder": str(folder)},
        scaling_config=ScalingConfig(
            num_workers=order.processes,
            use_gpu=order.resources.get("GPU", 0) > 0,
            resources_per_worker=order.resources,
        ),
        run_config=RunConfig(
            name="processes",
            storage_path=str(folder.parent),
            callbacks=[TuneReportCallback()],  # type: ignore[list-item] # the hints are those of the older RunConfig
        ),
    ).fit()


class Watcher(tune.Callback):
    """Turns what Tune tells a callback into events."""

    def __init__(self, order_in: OrderFinder, on_event: OnEvent) -> None:
        self._order_in = order_in
        self._on_event = on_event
        self._names: dict[str, str] = {}
        self._epochs: dict[str, int] = {}

    def __getstate__(self) -> dict[str, object]:
        """Tune pickles its callbacks for a restore, which is not how we resume; a terminal cannot travel."""
        return {"_order_in": self._order_in, "_names": {}, "_epochs": {}, "_on_event": _unheard}

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
        name = self._names.setdefault(key, self._order_in(trial.config).name)
        epoch = self._epochs.get(key, 0)
        self._on_event(Event(name=name, epoch=epoch, metrics=metrics, ended=ended, failed=failed))


def _unheard(event: Event) -> None:
    """Listener of a watcher that was sent elsewhere."""


def _outcome(order: Order, result: Any) -> Outcome:
    error: str | None = None
    if result.error is not None:
        lines = [line.strip() for line in str(result.error).splitlines() if line.strip()]
        error = lines[-1] if lines else type(result.error).__name__
    elif REFUSED in (result.metrics or {}):
        error = str(result.metrics[REFUSED])
    return Outcome(trial_id=order.trial_id, name=order.name, error=error)
