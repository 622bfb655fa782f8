"""Searches and schedulers of Ray Tune over the axes of a study. They look at val scores, never at test scores."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ray import tune
from ray.tune.schedulers import ASHAScheduler, PopulationBasedTraining
from ray.tune.search.optuna import OptunaSearch

from sweeps.design.axes import Changes
from sweeps.launch.order import Order
from sweeps.launch.placement import Placement, Slots
from sweeps.launch.report_keys import EPOCH, SCORE
from sweeps.launch.trials import ORDER, OnEvent, Outcome, fit, train

_CHOICES: Final = "choices"
_TABLE: Final = "table"
_KNOWN: Final = "known"
_RATE: Final = "rate"

_TRIES: Final = 200
"""Choices of combinations that were tried already, one after the other, after which there is nothing new."""


def asha(max_epochs: int) -> ASHAScheduler:
    """Asynchronous successive halving: the better third goes on, at a tenth of the epochs and at thrice that, ..."""
    return ASHAScheduler(
        time_attr=EPOCH,
        metric=SCORE,
        mode="max",
        max_t=max_epochs,
        grace_period=max(1, max_epochs // 10),
        reduction_factor=3,
        stop_last_trials=False,  # after the last epoch a trial still has to be scored
    )


def run_optuna(
    template: Order,
    table: Mapping[str, Mapping[str, Changes]],
    known: Mapping[str, float],
    samples: int,
    placement: Placement,
    slots: Slots,
    on_event: OnEvent,
    scheduler: Any = None,
) -> list[Outcome]:
    """Trains combinations of axis values that Optuna chooses by the val scores so far.

    Args:
        template: A trial without any change.
        table: Axis -> value as text -> what it changes.
        known: Val score of trials that are finished; they are not trained again.
        samples: Combinations to try.
        placement: Resources.
        slots: What the cluster has of them.
        on_event: Listener.
        scheduler: Of Tune, which may stop trials early.
    """
    space = {
        _CHOICES: {axis: tune.choice(list(values)) for axis, values in table.items()},
        _TABLE: {axis: {value: dict(changes) for value, changes in values.items()} for axis, values in table.items()},
        _KNOWN: dict(known),
        ORDER: template.model_dump(),
    }
    hidden = {name: value for name, value in space.items() if name != _CHOICES}
    return fit(
        tune.with_parameters(_train_choice, hidden=hidden),
        {_CHOICES: space[_CHOICES]},
        placement,
        slots,
        on_event,
        order_in=_Chosen(hidden),
        search_alg=DistinctOptuna(),
        scheduler=scheduler,
        num_samples=samples,
    )


class DistinctOptuna(OptunaSearch):
    """Optuna over values, where one combination is trained once: if it is chosen again, it is told what came out.

    There is no end to wait for where all combinations have been tried: the search is over then.
    """

    def __init__(self) -> None:
        super().__init__(metric=SCORE, mode="max", seed=0)
        self._asked: dict[str, tuple[str, str]] = {}
        self._scores: dict[str, float | None] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next combination."""
        for number in range(_TRIES):
            asked = f"{trial_id}-{number}"
            config = super().suggest(asked)
            key = json.dumps(config, sort_keys=True)
            if key not in self._scores:
                self._scores[key] = None
                self._asked[trial_id] = asked, key
                return config
            score = self._scores[key]
            super().on_trial_complete(asked, None if score is None else {SCORE: score})
        return self.FINISHED  # type: ignore[return-value] # a word, which the hints of the base class leave out

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """An epoch ended."""
        super().on_trial_result(self._asked[trial_id][0], result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """A training ended."""
        asked, key = self._asked[trial_id]
        self._scores[key] = None if result is None else result.get(SCORE)
        super().on_trial_complete(asked, result, error)


class _Chosen:
    """Finds the order of a combination."""

    def __init__(self, hidden: dict[str, Any]) -> None:
        self._hidden = hidden

    def __call__(self, config: dict[str, Any]) -> Order:
        return _order_of(config[_CHOICES], self._hidden)


def _order_of(choices: Mapping[str, str], hidden: Mapping[str, Any]) -> Order:
    changes = {path: value for axis, word in choices.items() for path, value in hidden[_TABLE][axis][word].items()}
    return Order.model_validate(hidden[ORDER]).changed(changes, choices)


def _train_choice(config: dict[str, Any], hidden: dict[str, Any]) -> None:
    order = _order_of(config[_CHOICES], hidden)
    known = hidden[_KNOWN].get(order.trial_id)
    if known is not None:
        tune.report({EPOCH: 1, SCORE: known})
    else:
        train({ORDER: order.model_dump()})


def run_population(
    orders: Sequence[Order], max_epochs: int, placement: Placement, slots: Slots, on_event: OnEvent
) -> list[Outcome]:
    """Trains all points at once; now and then the worst take over the weights of the best, with another learning rate.

    Members are stopped and started all the time, so each has many attempts in MLflow, one of them finished.
    """
    interval = max(1, max_epochs // 10)
    return fit(
        _train_member,
        {ORDER: tune.grid_search([order.model_dump() for order in orders]), _RATE: 1.0},
        placement,
        slots,
        on_event,
        storage=f"{placement.storage}/population",
        scheduler=PopulationBasedTraining(
            time_attr=EPOCH,
            metric=SCORE,
            mode="max",
            perturbation_interval=interval,
            hyperparam_mutations={_RATE: tune.loguniform(0.1, 10.0)},
        ),
    )


def _train_member(config: dict[str, Any]) -> None:
    from sweeps.launch.population import run_member

    folder = Path(tune.get_context().get_trial_dir() or ".").resolve() / "trial"
    run_member(Order.model_validate(config[ORDER]), float(config[_RATE]), folder)
