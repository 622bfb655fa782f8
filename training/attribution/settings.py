"""What can be chosen of an attribution, and what can go wrong with it. Imports neither torch nor captum."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from pydantic import Field, ValidationError

from datasets.errors import IceBenchError, unknown_name
from training.spec.errors import Part
from training.spec.identity import digest, document, outdated

Method = Literal["integrated_gradients", "feature_ablation", "gradient_shap", "deeplift", "deeplift_shap"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
Baseline = Literal["training", "mean"]
BASELINES: Final[tuple[Baseline, ...]] = get_args(Baseline)

RULES: Final[Mapping[int, str]] = {1: "first"}
"""Why the number of the rules of attribution was raised to each number, as `training.spec.identity.RULES`."""
FIRST: Final = (
    *("baseline", "baselines", "classes", "groups", "method", "patches_per_scene"),
    *("samples", "seed", "split", "steps", "target"),
)
"""Settings that were there when the first ids were given. Never to be changed."""
CAME_WITH: Final[Mapping[str, object]] = {}
"""Default that a later setting was added with, where it is another one today."""


class AttributionError(IceBenchError, ValueError):
    """An attribution that cannot be made, or that would overwrite another one."""


class AttributionSettings(Part):
    """Everything that decides the numbers beside checkpoint and lake; it is kept in the result.

    Attributes:
        method: How importance is found.
        split: Whose scenes.
        target: Chart whose classes are explained; None is the first one of the trial.
        classes: Names of the classes to explain; empty is all of the chart.
        baseline: What a channel is compared with: `training` takes patches that the network could have trained on,
            drawn with `seed`; `mean` is the mean of every channel over the training scenes, 0 in the network's units.
        baselines: How many patches are drawn. DeepLIFT SHAP compares with all of them, Gradient SHAP with one for every
            sample, the other methods with one for every patch.
        steps: Points on the way from baseline to input in Integrated Gradients (Gauss-Legendre).
        samples: Random points and baselines for every patch in Gradient SHAP.
        groups: Whether groups of channels are explained too.
        patches_per_scene: None takes every patch; a number takes as many of every scene, drawn with `seed`.
        seed: Of all draws. A draw depends on seed and place of a patch alone, not on batches or order.
    """

    method: Method = "integrated_gradients"
    split: Split = "test"
    target: str | None = None
    classes: tuple[str, ...] = ()
    baseline: Baseline = "training"
    baselines: int = Field(default=8, ge=1)
    steps: int = Field(default=32, ge=1)
    samples: int = Field(default=8, ge=1)
    groups: bool = True
    patches_per_scene: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)

    def trial_id(self, trained: str) -> str:
        """Identity of this attribution of the training `trained`, 12 hex digits: never that of a training."""
        return self._id_of(trained, max(RULES))

    def earlier_ids(self, trained: str, earlier: Mapping[str, str]) -> dict[str, str]:
        """Ids that earlier rules gave to this attribution, each with the reason why it no longer counts.

        `trained` is the trial_id of the training, `earlier` are those that earlier rules gave to it, with the reason.
        """
        since = outdated(RULES)
        return {
            self._id_of(training, number): "; ".join(reason for reason in (why, since.get(number)) if reason)
            for training, why in {**earlier, trained: ""}.items()
            for number in RULES
            if why or number in since
        }

    def _id_of(self, trained: str, rules: int) -> str:
        return digest([trained, document(self, FIRST, rules=rules, came_with=CAME_WITH)])

    @classmethod
    def of(cls, **values: object) -> "AttributionSettings":
        """The settings of plain values; None is the default.

        Raises:
            UnknownNameError: A method, split or kind of baseline does not exist; the nearest one is named.
            AttributionError: A value is out of range.
        """
        given = {name: value for name, value in values.items() if value is not None}
        for kind, field, known in (
            ("attribution method", "method", METHODS),
            ("split", "split", SPLITS),
            ("baseline", "baseline", BASELINES),
        ):
            if field in given and given[field] not in known:
                raise unknown_name(kind, str(given[field]), known)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise AttributionError(
                f"{place} = {first.get('input')!r} is not allowed for an attribution: {first['msg']}; correct it"
            ) from error


def class_numbers(known: tuple[str, ...], asked: tuple[str, ...]) -> tuple[int, ...]:
    """Numbers of the asked classes in the order of the chart, all if none is asked; raises UnknownNameError."""
    for name in asked:
        if name not in known:
            raise unknown_name("class", name, known)
    return tuple(number for number, name in enumerate(known) if not asked or name in asked)
