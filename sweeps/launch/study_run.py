"""One run of a study: runs the trials that are missing, and writes the report about all finished ones.

plan (`sweeps.launch.plan`) -> claim the study -> leave out what is finished -> trials on Ray -> send what they could
not -> report on the parent run
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from datasets.lake import Lake
from datasets.plural import noun, plural
from datasets.process.ray_session import grows, nodes
from sweeps.design.axes import text
from sweeps.design.experiment import cell_of
from sweeps.design.point import Point
from sweeps.launch.cluster import check_nodes, cluster
from sweeps.launch.description import keeping_current
from sweeps.launch.job_log import Watched
from sweeps.launch.order import Order
from sweeps.launch.placement import Placement, slots_for
from sweeps.launch.plan import Plan
from sweeps.launch.strategy import Strategy
from sweeps.launch.trials import Event, OnEvent, Outcome
from sweeps.launch.unsent import fail_unrecorded, send_waiting_records
from sweeps.record.claim import claimed, storage_changed
from sweeps.record.design import LeftOut, design_of
from sweeps.record.lake_note import LakeNote
from sweeps.record.run_tags import ORDERED, ordered_tag
from sweeps.record.state import TrialState, finished_earlier, state_of, states_of
from sweeps.record.study import StudyTracker, shared_settings
from sweeps.record.trial_lines import durations_by_cell
from training.tracking.records import now_ms

Watching = Callable[[Watched], AbstractContextManager[OnEvent]]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line says about running one study or several.

    Attributes:
        lake_urls: The lake, and further ones of the same scenes built with other options.
        resume: Whether trials go on from their checkpoints.
        failed_only: Whether only trials run whose newest attempt failed.
    """

    lake_urls: tuple[str, ...]
    tracking_uri: str
    placement: Placement
    strategy: Strategy
    resume: bool = True
    failed_only: bool = False


@dataclass(frozen=True, kw_only=True)
class StudyOutcome:
    """What a run of a study did: its record, the outcomes of the trials that ran, how many had `finished` before."""

    study: StudyTracker
    outcomes: tuple[Outcome, ...]
    finished: int

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Trials that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)


def run_study(plan: Plan, request: Request, watching: Watching, say: Callable[[str], None]) -> StudyOutcome:
    """Runs the missing trials of a study; `watching` shows them while they run, `say` a line about the next step.

    Raises:
        IceBenchError: Nothing could start: no tracking server, another driver, no room on the cluster, a node that does
            not see the lake.
    """
    storage, digest = request.placement.storage, plan.lake.digest
    with claimed(storage, plan.study.name, digest) as claim:
        study = open_study(plan, request)
        if changed := storage_changed(study, storage, digest):
            say(changed)
        try:
            send_waiting_records(study)  # of earlier trials, which need not run again then
            states = _without_lost(study)
            waiting = request.strategy.to_place(plan, states, failed_only=request.failed_only)
            finished = len(plan.ready) - len(waiting)
            say(
                f"study {study.study}: {plural(len(plan.ready), 'trial')}, "
                f"{finished} {'left out' if request.failed_only else 'finished before'}, {len(waiting)} to run"
            )
            for reason, count in finished_earlier(states, (trial.earlier_ids for trial, _ in waiting)).items():
                say(
                    f"of these {count} finished before under another id, and {noun(count, 'runs', 'run')} again: "
                    f"{reason}"
                )
            outcomes: list[Outcome] = []
            if waiting:
                # several processes cannot share an attribution
                placement = replace(request.placement, processes=1) if plan.study.trained_by else request.placement
                token = claim.holder.token
                # trials of one ratio after each other, since a node keeps that ratio decoded
                waiting = sorted(waiting, key=lambda pair: (pair[1].digest, pair[0].spec.data.ratio))
                orders = [_order(trial, lake, request, placement, study, token) for trial, lake in waiting]
                study.set_tag(ORDERED, ordered_tag(now_ms(), [order.name for order in orders]))
                watched = _watched(plan, request, study, orders, states)
                with watching(watched) as show, keeping_current(study) as renew:

                    def on_event(event: Event) -> None:
                        show(event)
                        if event.ended:
                            renew()

                    outcomes = _place(plan, request, placement, orders, states, on_event)
                send_waiting_records(study, {order.trial_id for order in orders})
                outcomes = fail_unrecorded(outcomes, _without_lost(study))
        except BaseException:
            # Ctrl-C, or a cluster that broke: no trial runs any more
            study.finish_after_error("FAILED", with_trials=True)
            raise
        done = StudyOutcome(study=study, outcomes=tuple(outcomes), finished=finished)
        study.finish("FAILED" if done.failed else "FINISHED")
    return done


def open_study(plan: Plan, request: Request) -> StudyTracker:
    """The record of the study on its lake, with its design and the cells that it leaves out."""
    design = design_of(plan.study)
    axes = list(design.axes)
    impossible = (*plan.impossible, *plan.impossible_elsewhere)
    names = {each.trial.name for each in impossible}
    partly = {cell_of(trial, axes) for trial in plan.study.trials() if trial.name not in names}  # the rest may come
    gone = [each for each in impossible if cell_of(each.trial, axes) not in partly]
    missing = {cell_of(each.trial, axes): each.short for each in gone}
    settings = {axis: ", ".join(values) for axis, values in design.axes.items()}
    settings |= {"seeds": ", ".join(map(str, design.seeds)), "objective": design.objective}
    design = design.model_copy(
        update={
            "left_out": tuple(LeftOut(cell=cell, reason=reason) for cell, reason in missing.items()),
            "cells": tuple(cell for cell in design.cells if cell not in missing),
            "trials": design.trials - len(gone),
        }
    )
    return StudyTracker.open(
        request.tracking_uri,
        study=plan.study.name,
        lake=plan.lake.digest,
        recipe=plan.lake.recipe_digest,
        question=plan.study.question,
        design=request.strategy.design(design, plan),
        lake_url=plan.lake.url,
        lake_note=LakeNote.of(plan.lake.catalog()),
        settings=shared_settings(trial.spec for trial, _ in plan.ready) | settings,
    )


def _without_lost(study: StudyTracker) -> dict[str, TrialState]:
    """State of the trials; nothing runs now, so a trial that MLflow shows as running has lost its process."""
    rows = study.children_rows()
    study.end_lost(row for row in rows if row.status == "RUNNING")
    return states_of(row.model_copy(update={"status": "KILLED"}) if row.status == "RUNNING" else row for row in rows)


def _watched(
    plan: Plan, request: Request, study: StudyTracker, orders: Sequence[Order], states: Mapping[str, TrialState]
) -> Watched:
    count, names = request.strategy.count(orders), [order.name for order in orders]
    return Watched(
        study=study,
        objective="" if plan.study.trained_by else plan.study.objective,
        names=names if count == len(names) else [""] * count,
        durations=durations_by_cell({trial.name: state_of(states, trial.trial_id) for trial, _ in plan.ready}),
    )


def _order(trial: Point, lake: Lake, request: Request, placement: Placement, study: StudyTracker, token: str) -> Order:
    return Order(
        spec=trial.spec,
        attribution=trial.attribution,
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


def _place(
    plan: Plan,
    request: Request,
    placement: Placement,
    orders: Sequence[Order],
    states: Mapping[str, TrialState],
    on_event: OnEvent,
) -> list[Outcome]:
    """Runs the orders on Ray, as the strategy wants it."""
    own = {name.partition(":")[0] for name in (trial.spec.model.name for trial, _ in plan.ready) if ":" in name}
    with cluster(sorted(own)):
        slots = slots_for(nodes(), placement, grows=grows())
        check_nodes(sorted({lake.url for _, lake in plan.ready}), orders[0].tracking_uri, placement.storage)
        resources = {"CPU": placement.cpus, **({"GPU": slots.gpus} if slots.gpus else {})}
        placed = [order.model_copy(update={"resources": resources}) for order in orders]
        return request.strategy.run(placed, plan, states, placement, slots, on_event)
