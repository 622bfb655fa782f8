"""`Plan`: which trials of a study can run with the given lakes and trainings; the others are named."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from datasets.errors import SplitError
from datasets.lake import Lake
from sweeps.design.axes import text
from sweeps.design.experiment import Experiment, ExperimentError
from sweeps.design.point import Point
from training.data.trial_scenes import EmptyCellError, TrialScenes, select_scenes
from training.spec import SpecError

Ready = tuple[Point, Lake]
"""A trial bound to the lake that it needs, and that lake."""


@dataclass(frozen=True, kw_only=True)
class ImpossibleTrial:
    """A trial that cannot run.

    Attributes:
        trial: Which.
        reason: What is missing, one sentence.
        short: The same in a few words, for tables.
    """

    trial: Point
    reason: str
    short: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run of a study is about to do.

    Attributes:
        study: The whole study: what its report is about.
        part: The trials of it that should run.
        lake: The lake of the study.
        ready: Trials of the part that can run.
        impossible: Trials of the part that cannot.
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
            from sweeps.launch.trained_networks import TrainedNetworks

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
        missing = None if self._networks is None else self._networks.why_not(bound)
        if missing is not None:
            return ImpossibleTrial(trial=bound, reason=missing.reason, short=missing.short)
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
