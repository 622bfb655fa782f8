"""`Plan`: which trials of a study can run with the lakes and trainings that there are; the others by name."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.storage import exists
from sweeps.design.axes import text
from sweeps.design.experiment import Experiment, ExperimentError
from sweeps.design.point import Trial
from sweeps.launch.order import folder_of
from training.attribution.settings import AttributionError, Method
from training.data.trial_scenes import EmptyCellError, select_scenes
from training.loop.checkpoint_files import BEST, LAST
from training.spec import SpecError, TrialSpec


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A trial that cannot run with what there is.

    Attributes:
        trial: Which.
        reason: What is missing, one sentence.
        short: The same in a few words, for tables.
    """

    trial: Trial
    reason: str
    short: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run of a study is about to do.

    Attributes:
        ready: Trials bound to the lake that they need, and that lake.
        left_out: Those that cannot run.
        left_out_elsewhere: Those of the study that were not asked for and could not run either, as far as can be told.
    """

    ready: tuple[tuple[Trial, Lake], ...]
    left_out: tuple[LeftOut, ...]
    left_out_elsewhere: tuple[LeftOut, ...] = ()


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
    judge = _Judge(lakes, _Explainable(part.trained_by, storage, coming))
    judged = [judge.of(trial) for trial in part.trials()]
    left_out = tuple(each for each in judged if isinstance(each, LeftOut))
    ready = tuple(each for each in judged if not isinstance(each, LeftOut))
    if not ready:
        first = left_out[0]
        raise ExperimentError(f"no trial of study {part.name!r} can run ({first.trial.name}: {first.reason})")
    asked = {trial.name for trial in part.trials()}
    others = [trial for trial in (study or part).trials() if trial.name not in asked]
    return Plan(ready=ready, left_out=left_out, left_out_elsewhere=tuple(judge.left_out(others)))


class _Judge:
    """Says of each trial on which lake it can run, or why on none.

    Args:
        lakes: The lake of the study, and further ones.
        explainable: What attributions need.
    """

    def __init__(self, lakes: Sequence[Lake], explainable: "_Explainable") -> None:
        self._lakes, self._explainable = lakes, explainable

    def of(self, trial: Trial) -> tuple[Trial, Lake] | LeftOut:
        """One trial, bound to its lake, or why it cannot run; raises SpecError."""
        lake = _lake_for(trial, self._lakes)
        if lake is None:
            options = ", ".join(f"{name} {text(value)}" for name, value in trial.recipe.items())
            return LeftOut(
                trial=trial,
                reason=f"it needs a lake built with {options}: give it as --lake",
                short=f"no lake with {options}",
            )
        bound = trial.bound_to(lake.digest)
        try:
            select_scenes(bound.spec, lake)
        except SplitError as error:
            short = f"no {error.split} scenes" if isinstance(error, EmptyCellError) else "no scene is large enough"
            return LeftOut(trial=trial, reason=str(error), short=short)
        return self._explainable.why_not(bound) or (bound, lake)

    def left_out(self, trials: Iterable[Trial]) -> Iterator[LeftOut]:
        """Those that cannot run; one that the lake has no ratio or channel for may have another lake some day."""
        for trial in trials:
            with suppress(SpecError):
                judged = self.of(trial)
                if isinstance(judged, LeftOut):
                    yield judged


def _lake_for(trial: Trial, lakes: Sequence[Lake]) -> Lake | None:
    """The first lake that was built as the trial needs; one without a need of its own runs on the first."""
    if not trial.recipe:
        return lakes[0]
    wanted = {**lakes[0].recipe["recipe"], **trial.recipe}
    return next((lake for lake in lakes if lake.recipe["recipe"] == wanted), None)


class _Explainable:
    """What attributions need, each network and training looked at once.

    Args:
        trained_by: What to type to train, with labels in braces.
        storage: Where trainings keep their checkpoints; only a study that explains them looks there.
        coming: Ids of trainings that will have ended.
    """

    def __init__(self, trained_by: str, storage: str, coming: Collection[str]) -> None:
        self._trained_by, self._storage = trained_by, storage
        self._missing = dict.fromkeys(coming, "")
        self._refused: dict[tuple[str, str], str] = {}

    def why_not(self, trial: Trial) -> LeftOut | None:
        """Why an attribution cannot be made; None where it can, and for a training."""
        if trial.attribution is None:
            return None
        refused = self._of_method(trial.spec, trial.attribution.method)
        if refused:
            return LeftOut(trial=trial, reason=refused, short="not by this method")
        missing = self._of_training(trial.spec.trial_id)
        if missing:
            words = {axis: text(value) for axis, value in trial.labels.items()}
            reason = f"{missing} first: {self._trained_by.format_map(words)}"
            return LeftOut(trial=trial, reason=reason, short="no trained network")
        return None

    def _of_method(self, spec: TrialSpec, method: Method) -> str:
        from training.attribution.explain_trial import (
            check_method,  # heavy: torch and captum, which trainings here do not need
        )

        network = spec.with_("seed", 0).trial_id, method
        if network not in self._refused:
            try:
                check_method(spec, method)
            except AttributionError as error:
                self._refused[network] = str(error)
            else:
                self._refused[network] = ""
        return self._refused[network]

    def _of_training(self, trial_id: str) -> str:
        if trial_id not in self._missing:
            place = folder_of(self._storage, trial_id)
            if not exists(f"{place}/{BEST}"):
                self._missing[trial_id] = f"there is no trained network at {place}: train it"
            elif exists(f"{place}/{LAST}"):
                self._missing[trial_id] = f"the training at {place} has not ended ({LAST} is there): finish it"
            else:
                self._missing[trial_id] = ""
        return self._missing[trial_id]
