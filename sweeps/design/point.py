"""`Point`: one trial of a study, which is a cell with one seed. Pure, like everything in `sweeps.design`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sweeps.design.axes import ATTRIBUTION, RECIPE, Changes, Value, other_changes, spec_changes, text
from training.attribution.settings import AttributionSettings
from training.spec import TrialSpec
from training.spec.identity import earlier_ids


@dataclass(frozen=True, kw_only=True)
class Point:
    """One trial of a study: a cell with one seed.

    Attributes:
        labels: Task, value on each axis, and the seed.
        spec: What is trained, or was: see `attribution`.
        recipe: Options that the lake must have been built with.
        attribution: Settings of an attribution of the network that was trained by the spec; None trains.
    """

    labels: Mapping[str, Value]
    spec: TrialSpec
    recipe: Mapping[str, Value] = field(default_factory=dict)
    attribution: AttributionSettings | None = None

    @property
    def trial_id(self) -> str:
        """Id of the training, or of the attribution; a finished id need not run again."""
        trained = self.spec.trial_id
        return trained if self.attribution is None else self.attribution.trial_id(trained)

    @property
    def earlier_ids(self) -> Mapping[str, str]:
        """Its ids by earlier rules, each with the reason why it no longer counts."""
        trained = earlier_ids(self.spec)
        return trained if self.attribution is None else self.attribution.earlier_ids(self.spec.trial_id, trained)

    @property
    def name(self) -> str:
        """For progress lines: `task=pixel data.ratio=5 seed=1`."""
        return " ".join(f"{axis}={text(value)}" for axis, value in self.labels.items())

    def bound_to(self, lake_digest: str) -> "Point":
        """The trial on one lake: its digest becomes part of the trial_id."""
        return replace(self, spec=self.spec.with_("data.lake", lake_digest))


def point_of(base: TrialSpec, changes: Changes, labels: Mapping[str, Value], seed: int) -> Point:
    """Another trial with changes and one seed; an attribution draws with the seed of its network.

    `changes` are dotted spec field -> value; `recipe.X` -> option of the lake; `attribution.X` -> setting.

    Raises:
        SpecError: The spec refuses a change.
        AttributionError: The settings of an attribution refuse a change, or UnknownNameError.
    """
    asked = other_changes(changes, ATTRIBUTION)
    return Point(
        labels=labels,
        spec=base.with_all({**spec_changes(changes), "seed": seed}),
        recipe=other_changes(changes, RECIPE),
        attribution=AttributionSettings.of(**{"seed": seed, **asked}) if asked else None,
    )
