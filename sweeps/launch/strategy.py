"""`Strategy`: which cells of a study are trained, and which trainings are stopped early.

Everything in which searches differ is a method here, so that the rest of a run does not ask which one it is. What needs
Ray, Optuna or ASHA is imported by the method that uses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from datasets.errors import unknown_name
from sweeps.design.experiment import SEED, TASK, Experiment, ExperimentError

if TYPE_CHECKING:
    from ray.tune.schedulers import ASHAScheduler

    from sweeps.launch.optuna_search import CombinationSearch
    from sweeps.launch.order import Order
    from sweeps.launch.placement import Placement, Slots
    from sweeps.launch.plan import Plan, Ready
    from sweeps.launch.trials import OnEvent, Outcome
    from sweeps.record.design import StudyDesign
    from sweeps.record.state import TrialState

SAMPLES: Final = 20
"""Combinations that a search tries where no number is given."""

SEARCHES: Final = ("grid", "random", "optuna")
SCHEDULERS: Final = ("none", "asha")

_VAL_SCORE: Final = "best/val_f1"


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """`--search grid`: trains every cell with every seed; other searches override what differs.

    Attributes:
        asha: Whether trainings that are behind are stopped.
        needs_scores: Whether it chooses by the val scores of trainings: it has no use for a study that trains nothing,
            and leaves nothing for `--only` to choose.
    """

    asha: bool = False
    needs_scores: ClassVar[bool] = False

    def shaped(self, study: Experiment, task: str) -> Experiment:
        """The study as the strategy makes it; `task` is `pixel`, `patch` or `both`.

        Raises:
            ExperimentError: The study cannot be searched like that.
        """
        return self._comparable(study)

    def _comparable(self, study: Experiment) -> Experiment:
        """The study, if scores after epochs may decide between its settings."""
        decides = self.asha or self.needs_scores
        if decides and any(trial.spec.loop.val_precision != "float32" for trial in study.trials()):
            raise ExperimentError(
                "--search optuna and --scheduler asha compare trials by val scores after epochs, which "
                "loop.val_precision = 'training' takes in lower precision: leave it at float32, or search without them"
            )
        return study

    def design(self, design: "StudyDesign", plan: "Plan") -> "StudyDesign":
        """The design of the study for its record, as the strategy changes it."""
        return design

    def to_place(self, plan: "Plan", states: Mapping[str, "TrialState"], *, failed_only: bool) -> list["Ready"]:
        """The trials that run now, by the states of all trials; `failed_only`: those whose newest attempt failed."""
        from sweeps.record.state import state_of  # with the client of MLflow, which --help does not need

        over = {"finished", "stopped"} if self.asha else {"finished"}
        found = [(trial, lake, state_of(states, trial.trial_id).state) for trial, lake in plan.ready]
        return [
            (trial, lake) for trial, lake, state in found if (state == "failed" if failed_only else state not in over)
        ]

    def count(self, orders: Sequence[object]) -> int:
        """How many trials will run."""
        return len(orders)

    def run(
        self,
        orders: Sequence["Order"],
        plan: "Plan",
        states: Mapping[str, "TrialState"],
        placement: "Placement",
        slots: "Slots",
        on_event: "OnEvent",
    ) -> list["Outcome"]:
        """Runs the orders for the trials of `to_place` on the cluster that is joined; see `run_trials`."""
        from sweeps.launch.trials import fit, run_trials

        scheduler, search = self._scheduler(orders), self._search(orders[0], plan, states)
        if search is None:
            return run_trials(orders, placement, slots, on_event, scheduler=scheduler)
        wanted = self.count(orders)
        return fit(placement, slots, on_event, search_alg=search, scheduler=scheduler, num_samples=wanted)

    def _search(self, order: "Order", plan: "Plan", states: Mapping[str, "TrialState"]) -> "CombinationSearch | None":
        """What chooses the trials instead of the orders; `order` is the first of them."""
        return None

    def _scheduler(self, orders: Sequence["Order"]) -> "ASHAScheduler | None":
        return asha_scheduler(max(order.spec.loop.max_epochs for order in orders)) if self.asha else None


def asha_scheduler(max_epochs: int) -> "ASHAScheduler":
    """Stops trainings that are behind (Li et al. 2020): the better third goes on after 1/10 of the epochs, 3/10, ..."""
    from ray.tune.schedulers import ASHAScheduler

    from sweeps.launch.order import EPOCH, SCORE

    return ASHAScheduler(
        time_attr=EPOCH,
        metric=SCORE,
        mode="max",
        max_t=max_epochs,
        grace_period=max(1, max_epochs // 10),
        reduction_factor=3,
        stop_last_trials=False,  # after the last epoch a trial still has to be scored
    )


@dataclass(frozen=True, kw_only=True)
class RandomSearch(Strategy):
    """`--search random`: some combinations of all axes, drawn at random, with one seed."""

    samples: int = SAMPLES

    def shaped(self, study: Experiment, task: str) -> Experiment:
        """The study under another name, since it has other cells."""
        return _one_seed(self._comparable(study)).searched("-random", self.samples)


@dataclass(frozen=True, kw_only=True)
class OptunaSearch(Strategy):
    """`--search optuna`: some combinations of all axes, each chosen by the val scores so far, with one seed."""

    samples: int = SAMPLES
    needs_scores: ClassVar[bool] = True

    def shaped(self, study: Experiment, task: str) -> Experiment:
        """One task of the study, under a name of its own; one cell represents all that are not known yet."""
        one_task = study.of_task(task)  # type: ignore[arg-type] # a word of the command line, checked there
        if len(one_task.arms) > 1:
            raise ExperimentError("--search optuna looks at one task at a time: add --task pixel or --task patch")
        return _one_seed(self._comparable(one_task)).searched("-optuna", 1)

    def design(self, design: "StudyDesign", plan: "Plan") -> "StudyDesign":
        """All values that can be chosen; the combinations are not known before."""
        ((task, arm),) = plan.part.arms.items()
        axes = {TASK: (task,), **{axis: tuple(values) for axis, values in arm.choices().items()}}
        return design.model_copy(update={"axes": axes, "trials": self.samples, "cells": (), "left_out": ()})

    def to_place(self, plan: "Plan", states: Mapping[str, "TrialState"], *, failed_only: bool) -> list["Ready"]:
        """The cell that represents all."""
        return list(plan.ready[:1])

    def count(self, orders: Sequence[object]) -> int:
        """The wanted number."""
        return self.samples

    def _search(self, order: "Order", plan: "Plan", states: Mapping[str, "TrialState"]) -> "CombinationSearch":
        from sweeps.launch.optuna_search import CombinationSearch

        (arm,) = plan.part.arms.values()
        base = arm.base.with_all({"data.lake": order.spec.data.lake, "seed": order.spec.seed})
        labels = {name: order.labels[name] for name in (TASK, SEED)}
        template = order.model_copy(update={"spec": base, "labels": labels})
        known = {
            trial_id: state.row.metrics[_VAL_SCORE]
            for trial_id, state in states.items()
            if state.row is not None and _VAL_SCORE in state.row.metrics
        }
        return CombinationSearch(template, arm.choices(), known, self.samples, arm.together)


def parse_strategy(search: str, scheduler: str) -> Strategy:
    """The strategy from the command line, `optuna:40` for 40 combinations.

    Raises:
        UnknownNameError: Another word.
        ExperimentError: The number is none.
    """
    name, colon, number = search.partition(":")
    if name not in SEARCHES:
        raise unknown_name("search", name, SEARCHES)
    if scheduler not in SCHEDULERS:
        raise unknown_name("scheduler", scheduler, SCHEDULERS)
    if colon and (not number.isdecimal() or int(number) < 1 or name == "grid"):
        raise ExperimentError(
            f"--search {search!r} is not allowed: write grid, random, optuna, or with a number of combinations "
            "random:20, optuna:20"
        )
    asha, samples = scheduler == "asha", int(number) if colon else SAMPLES
    if name == "grid":
        return Strategy(asha=asha)
    return (RandomSearch if name == "random" else OptunaSearch)(asha=asha, samples=samples)


def _one_seed(study: Experiment) -> Experiment:
    return replace(study, seeds=tuple(study.seeds)[:1])
