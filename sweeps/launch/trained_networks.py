"""What a study of attributions needs: networks whose training has ended, and methods that can explain them."""

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from datasets.storage import exists
from sweeps.design.axes import text
from sweeps.design.point import Point
from sweeps.launch.order import folder_of
from training.attribution.settings import AttributionError, Method
from training.loop.checkpoint_files import BEST, LAST
from training.spec import TrialSpec


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Why an attribution cannot be made: one sentence, and the same in a few words."""

    reason: str
    short: str


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

    def why_not(self, trial: Point) -> Missing | None:
        """Why an attribution cannot be made; None where it can."""
        if trial.attribution is None:
            return None
        refused = self._refusal(trial.spec, trial.attribution.method)
        if refused:
            return Missing(reason=refused, short="not by this method")
        untrained = self._training(trial.spec.trial_id)
        if untrained:
            words = {axis: shlex.quote(text(value)) for axis, value in trial.labels.items()}
            return Missing(
                reason=f"{untrained} first: {self._trained_by.format_map(words)}", short="no trained network"
            )
        return None

    def _refusal(self, spec: TrialSpec, method: Method) -> str:
        """Why the method cannot explain the network; empty where it can."""
        from training.attribution.explain_trial import check_method  # torch and captum, only where needed

        network = spec.with_("seed", 0).trial_id, method
        if network not in self._refused:
            try:
                check_method(spec, method)
            except AttributionError as error:
                self._refused[network] = str(error)
            else:
                self._refused[network] = ""
        return self._refused[network]

    def _training(self, trial_id: str) -> str:
        """What a training lacks; empty where it has ended."""
        if trial_id not in self._untrained:
            place = folder_of(self._storage, trial_id)
            if not exists(f"{place}/{BEST}"):
                self._untrained[trial_id] = f"there is no trained network at {place}: train it"
            elif exists(f"{place}/{LAST}"):
                self._untrained[trial_id] = f"the training at {place} has not ended ({LAST} is there): finish it"
            else:
                self._untrained[trial_id] = ""
        return self._untrained[trial_id]
