"""`Plan`: which trials of a study can run with the given lakes and trainings; the others are named."""

import shlex
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.storage import exists
from sweeps.design.axes import text
from sweeps.design.experiment import Experiment, ExperimentError
from sweeps.design.point import Point
from sweeps.launch.order import folder_of
from training.attribution.settings import AttributionError, Method
from training.data.trial_scenes import EmptyCellError, TrialScenes, select_scenes
from training.spec import SpecError, TrialSpec

Ready = tuple[Point, Lake]
"""A trial bound to the lake that it needs, and that lake."""


@dataclass(frozen=True, kw_only=True)
class ImpossibleTrial:
    """A trial that cannot run: what is missing as one sentence, and `short`, in a few words for tables."""

    trial: Point
    reason: str
    short: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run of a study is about to do.

    Attributes:
        study: The whole study: what its report is about.
        part: The trials of it that should run: those that are `ready`, and those that are `impossible`.
        impossible_elsewhere: Trials outside the part that could not run either, as far as is known.
    """

    study: Experiment
    part: Experiment
    lake: Lake
    ready: tuple[Ready, ...]
    impossible: tuple[ImpossibleTrial, ...] = ()
    impossible_elsewhere: tuple[ImpossibleTrial, ...] = ()


def plan(
    part: Experiment,
    lakes: Sequence[Lake],
    storage: str = "",
    coming: Collection[str] = (),
    *,
    study: Experiment | None = None,
) -> Plan:
    """Binds every trial to the lake that it needs, and names those that cannot run.

    Args:
        part: The trials.
        lakes: The lake of the study, and further ones.
        storage: Where trainings keep their checkpoints; only a study that explains them looks there.
        coming: Ids of trainings that end before this study starts.
        study: All trials, where `part` has only some.

    Raises:
        SpecError: No lake has the ratio or a channel of a trial.
        ExperimentError: No trial is left.
    """
    planner = _Planner(part, lakes, storage, coming)
    found = [planner.judge(trial) for trial in part.trials()]
    impossible = tuple(each for each in found if isinstance(each, ImpossibleTrial))
    ready = tuple(each for each in found if not isinstance(each, ImpossibleTrial))
    if not ready:
        first = impossible[0]
        raise ExperimentError(f"no trial of study {part.name!r} can run ({first.trial.name}: {first.reason})")
    asked = {trial.name for trial in part.trials()}
    others = [trial for trial in (study or part).trials() if trial.name not in asked]
    return Plan(
        study=study or part,
        part=part,
        lake=lakes[0],
        ready=ready,
        impossible=impossible,
        impossible_elsewhere=tuple(planner.impossible(others)),
    )


class _Planner:
    """For each trial, the lake on which it can run, or why there is none."""

    def __init__(self, part: Experiment, lakes: Sequence[Lake], storage: str, coming: Collection[str]) -> None:
        self._lakes, self._networks = lakes, None
        self._scenes: dict[str, dict[Hashable, TrialScenes | SplitError]] = {lake.url: {} for lake in lakes}
        if part.trained_by:
            self._networks = TrainedNetworks(part.trained_by, storage, coming)

    def judge(self, trial: Point) -> Ready | ImpossibleTrial:
        """One trial; raises SpecError."""
        lake = self._lake_for(trial)
        if lake is None:
            options = ", ".join(f"{name} {text(value)}" for name, value in trial.recipe.items())
            return ImpossibleTrial(
                trial=trial,
                reason=f"it needs a lake built with {options}: give it as --lake",
                short=f"no lake with {options}",
            )
        bound = trial.bound_to(lake.digest)
        try:
            select_scenes(bound.spec, lake, self._scenes[lake.url])
        except SplitError as error:
            short = f"no {error.split} scenes" if isinstance(error, EmptyCellError) else "no scene is large enough"
            return ImpossibleTrial(trial=trial, reason=str(error), short=short)
        if self._networks is not None and (missing := self._networks.why_not(bound)):
            reason, short = missing
            return ImpossibleTrial(trial=bound, reason=reason, short=short)
        return bound, lake

    def impossible(self, trials: Iterable[Point]) -> Iterator[ImpossibleTrial]:
        """Those that cannot run; one that the lake has no ratio or channel for may have another lake some day."""
        for trial in trials:
            with suppress(SpecError):
                found = self.judge(trial)
                if isinstance(found, ImpossibleTrial):
                    yield found

    def _lake_for(self, trial: Point) -> Lake | None:
        """The first lake that was built as the trial needs; one without a need of its own runs on the first."""
        if not trial.recipe:
            return self._lakes[0]
        wanted = {**self._lakes[0].recipe["recipe"], **trial.recipe}
        return next((lake for lake in self._lakes if lake.recipe["recipe"] == wanted), None)


class TrainedNetworks:
    """Checks each network and each training once.

    Args:
        trained_by: Command that trains, with labels in braces.
        storage: Where trainings keep their checkpoints.
        coming: Ids of trainings that will have ended.
    """

    def __init__(self, trained_by: str, storage: str, coming: Collection[str]) -> None:
        self._trained_by, self._storage = trained_by, storage
        self._untrained = dict.fromkeys(coming, "")
        self._refused: dict[tuple[str, str], str] = {}

    def why_not(self, trial: Point) -> tuple[str, str] | None:
        """Why an attribution cannot be made, as one sentence and in a few words; None where it can."""
        if trial.attribution is None:
            return None
        if refused := self._refusal(trial.spec, trial.attribution.method):
            return refused, "not by this method"
        if untrained := self._training(trial.spec.trial_id):
            words = {axis: shlex.quote(text(value)) for axis, value in trial.labels.items()}
            return f"{untrained} first: {self._trained_by.format_map(words)}", "no trained network"
        return None

    def _refusal(self, spec: TrialSpec, method: Method) -> str:
        """Why the method cannot explain the network; empty where it can."""
        from training.attribution.explain_trial import check_method  # torch and captum, only where needed

        network = spec.with_("seed", 0).trial_id, method
        if network not in self._refused:
            self._refused[network] = ""
            try:
                check_method(spec, method)
            except AttributionError as error:
                self._refused[network] = str(error)
        return self._refused[network]

    def _training(self, trial_id: str) -> str:
        """What a training lacks; empty where it has ended."""
        from training.loop.checkpoint_files import BEST, LAST  # the driver of a grid needs nothing of the loop

        if trial_id not in self._untrained:
            place = folder_of(self._storage, trial_id)
            if not exists(f"{place}/{BEST}"):
                self._untrained[trial_id] = f"there is no trained network at {place}: train it"
            elif exists(f"{place}/{LAST}"):
                self._untrained[trial_id] = f"the training at {place} has not ended ({LAST} is there): finish it"
            else:
                self._untrained[trial_id] = ""
        return self._untrained[trial_id]
