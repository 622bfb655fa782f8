"""One run of a study: what is missing runs, and the report is written over all that is finished.

plan (`sweeps.launch.plan`) -> claim the study -> leave out what is finished -> trials on Ray -> send what they could
not -> report on the parent run
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from datasets.lake import Lake
from sweeps.design.axes import text
from sweeps.design.experiment import Experiment, cell_of, design_of
from sweeps.design.point import Trial
from sweeps.launch.cluster import check_nodes, cluster, grows, nodes
from sweeps.launch.order import Order
from sweeps.launch.placement import Placement, Slots, slots_for
from sweeps.launch.plan import Plan
from sweeps.launch.strategy import Strategy
from sweeps.launch.trials import OnEvent, Outcome, run_trials
from sweeps.launch.unsent import send_leftovers, with_untold
from sweeps.record.claim import claimed, storage_changed
from sweeps.record.design import StudyDesign
from sweeps.record.state import TrialState, state_of, states_of
from sweeps.record.study import StudyTracker

Watching = Callable[[int], AbstractContextManager[OnEvent]]

_SCORE: Final = "best/val_f1"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asked for.

    Attributes:
        experiment: The whole study: what the report is about.
        part: The trials of it to run now.
        lakes: The lake of the study, and further ones of the same scenes built with other options.
        tracking_uri: Where MLflow is.
        placement: Resources.
        strategy: Search and scheduler.
        resume: Whether trials go on from their checkpoints.
        failed_only: Whether only trials run whose newest attempt failed.
    """

    experiment: Experiment
    part: Experiment
    lakes: tuple[Lake, ...]
    tracking_uri: str
    placement: Placement
    strategy: Strategy
    resume: bool = True
    failed_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a run of a study did.

    Attributes:
        study: Its record.
        outcomes: Of the trials that ran.
        finished: Trials that were finished before.
    """

    study: StudyTracker
    outcomes: tuple[Outcome, ...]
    finished: int

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those that went wrong."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)


def run_study(request: Request, planned: Plan, watching: Watching, say: Callable[[str], None]) -> Done:
    """Runs what is missing of a study.

    Args:
        request: What was asked for.
        planned: See `plan`.
        watching: Shows so many trials while they run.
        say: Told what is about to happen, a line at a time.

    Raises:
        IceBenchError: Nothing could start: no tracking server, another driver, no room on the cluster, a node that does
            not see the lake.
    """
    storage, digest = request.placement.storage, request.lakes[0].digest
    with claimed(storage, request.experiment.name, digest) as claim:
        study = open_study(request, planned)
        if changed := storage_changed(study, storage, digest):
            say(changed)
        try:
            send_leftovers(study)  # of earlier trials, which need not run again then
            states = _without_lost(study)
            todo = _todo(request, planned, states)
            say(
                f"study {study.study}: {len(planned.ready)} trials, "
                f"{len(planned.ready) - len(todo)} {'not asked for' if request.failed_only else 'finished before'}, "
                f"{len(todo)} to run"
            )
            outcomes: list[Outcome] = []
            if todo:
                orders = [_order(trial, lake, request, study, claim.holder.token) for trial, lake in todo]
                with watching(_count(request, orders)) as on_event:
                    outcomes = _place(request, planned, orders, states, study, on_event)
                send_leftovers(study, {order.trial_id for order in orders})
                outcomes = with_untold(outcomes, _without_lost(study))
        except BaseException:
            study.give_up("FAILED", with_trials=True)  # Ctrl-C, or a cluster that broke: no trial runs any more
            raise
        done = Done(study=study, outcomes=tuple(outcomes), finished=len(planned.ready) - len(todo))
        study.finish("FAILED" if done.failed else "FINISHED")
    return done


def open_study(request: Request, planned: Plan) -> StudyTracker:
    """The record of the study on its lake, with what it set out to do and what it leaves out."""
    experiment, lake = request.experiment, request.lakes[0]
    design = design_of(experiment)
    axes = list(design["axes"])
    left_out = (*planned.left_out, *planned.left_out_elsewhere)
    names = {each.trial.name for each in left_out}
    partly = {cell_of(trial, axes) for trial in experiment.trials() if trial.name not in names}  # the rest may come
    gone = [each for each in left_out if cell_of(each.trial, axes) not in partly]
    missing = {cell_of(each.trial, axes): each.short for each in gone}
    design["left_out"] = [{"cell": cell, "reason": reason} for cell, reason in missing.items()]
    design["cells"] = [cell for cell in design["cells"] if cell not in missing]
    design["trials"] -= len(gone)
    if request.strategy.search == "optuna":  # its points are not known before
        (arm,) = request.part.arms.values()
        chosen = {axis: list(values) for axis, values in arm.choices().items()}
        design |= {"axes": {"task": list(request.part.arms), **chosen}, "trials": request.strategy.samples, "cells": []}
    return StudyTracker.open(
        request.tracking_uri,
        study=experiment.name,
        lake=lake.digest,
        recipe=lake.recipe_digest,
        question=experiment.question,
        design=StudyDesign.model_validate(design),
    )


def _without_lost(study: StudyTracker) -> dict[str, TrialState]:
    """Where the trials stand; nothing runs now, so what MLflow takes for running has lost its process."""
    rows = study.children_rows()
    lost = [row.run_id for row in rows if row.status == "RUNNING"]
    study.end_lost(lost)
    return states_of(row.model_copy(update={"status": "KILLED"}) if row.run_id in lost else row for row in rows)


def _todo(request: Request, planned: Plan, states: Mapping[str, TrialState]) -> list[tuple[Trial, Lake]]:
    """Trials without a finished attempt; ordered so that those of one ratio, which a node keeps decoded, follow."""
    if request.strategy.search == "optuna":
        return list(planned.ready[:1])  # stands for all: Optuna chooses
    over = {"finished", *({"stopped"} if request.strategy.scheduler == "asha" else ())}

    def wanted(trial: Trial) -> bool:
        state = state_of(states, trial.trial_id).state
        return state == "failed" if request.failed_only else state not in over

    todo = [(trial, lake) for trial, lake in planned.ready if wanted(trial)]
    return sorted(todo, key=lambda pair: (pair[1].digest, pair[0].spec.data.ratio))


def _order(trial: Trial, lake: Lake, request: Request, study: StudyTracker, token: str) -> Order:
    placement = request.placement
    return Order(
        spec=trial.spec.to_dict(),
        attribution={} if trial.attribution is None else trial.attribution.model_dump(),
        labels={axis: text(value) for axis, value in trial.labels.items()},
        lake=lake.url,
        tracking_uri=study.tracking_uri,
        study=study.study,
        parent_run=study.run_id,
        storage=placement.storage,
        resume=request.resume,
        token=token,
        processes=placement.processes,
    )


def _count(request: Request, orders: Sequence[Order]) -> int:
    return request.strategy.samples if request.strategy.search == "optuna" else len(orders)


def _place(
    request: Request,
    planned: Plan,
    orders: list[Order],
    states: Mapping[str, TrialState],
    study: StudyTracker,
    on_event: OnEvent,
) -> list[Outcome]:
    """Runs the orders on Ray, as search and scheduler want it."""
    placement, strategy = request.placement, request.strategy
    urls = sorted({lake.url for _, lake in planned.ready})
    with cluster():
        slots = slots_for(nodes(), placement, grows=grows())
        check_nodes(urls, study.tracking_uri, placement.storage)
        orders = [_with_resources(order, placement, slots) for order in orders]
        if strategy.search == "grid" and strategy.scheduler == "none":
            return run_trials(orders, placement, slots, on_event)
        from sweeps.launch.search import asha, run_optuna, run_population

        longest = max(order.spec["loop"]["max_epochs"] for order in orders)
        if strategy.scheduler == "pbt":
            return run_population(orders, longest, placement, slots, on_event)
        scheduler = asha(longest) if strategy.scheduler == "asha" else None
        if strategy.search == "optuna":
            known = {
                trial_id: state.row.metrics[_SCORE]
                for trial_id, state in states.items()
                if state.row is not None and _SCORE in state.row.metrics
            }
            template, table = _search_space(request, planned, orders[0])
            return run_optuna(template, table, known, strategy.samples, placement, slots, on_event, scheduler)
        return run_trials(orders, placement, slots, on_event, scheduler=scheduler)


def _with_resources(order: Order, placement: Placement, slots: Slots) -> Order:
    resources = {"CPU": placement.cpus, **({"GPU": slots.gpus} if slots.gpus else {})}
    return order.model_copy(update={"resources": resources})


def _search_space(
    request: Request, planned: Plan, order: Order
) -> tuple[Order, dict[str, dict[str, Mapping[str, object]]]]:
    """The trial without a change, and what every value of every axis changes."""
    (arm,) = request.part.arms.values()
    trial, lake = planned.ready[0]
    base = arm.base.with_all({"data.lake": lake.digest, "seed": trial.spec.seed})
    labels = {"task": order.labels["task"], "seed": order.labels["seed"]}
    return order.model_copy(update={"spec": base.to_dict(), "labels": labels}), arm.choices()
