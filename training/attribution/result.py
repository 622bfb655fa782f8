"""`AttributionResult`: how much each channel matters for each class, in each bin; as JSON and as a table."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, ValidationError

from datasets.channels import group_of
from datasets.errors import unknown_name
from training.attribution.features import Features
from training.attribution.settings import AttributionError, AttributionSettings
from training.attribution.sums import AttributionSums
from training.evaluation.bins import ALL
from training.evaluation.result import rows_csv
from training.spec.data import Task, task_word
from training.spec.errors import Part


class AttributionRow(Part):
    """What one feature means for one class in one bin, in units of the class's logit.

    Attributes:
        bin: `all`, `season/winter`, `location/cat1`, `cryoseason/melt` or `scene/ID` (`training.evaluation.bins`).
        class_name: Of the chart.
        feature: A channel, or a group of channels.
        group: Group of the channel; the group itself for a group.
        is_group: Which of both it is.
        signed: Mean attribution for a pixel (patch-based: a patch) of the class: above 0 it speaks for the class.
        absolute: Mean absolute attribution, taken before anything is added up: what importance is measured by.
        n: Pixels (patches) that the network assigned to the class.
    """

    bin: str
    class_name: str
    feature: str
    group: str
    is_group: bool
    signed: float
    absolute: float
    n: int


class CompletenessRow(Part):
    """Whether the attributions of a class in a bin add up to the change of the output.

    Attributes:
        bin: As in `AttributionRow`, as `class_name` and `n`.
        patches: Patches with a pixel of the class.
        change: Mean logit at the input minus mean logit at the baseline.
        attributed: Sum of the signed means of all channels; near `change` where the method is complete.
        error: Share of the change that attributions miss, patch by patch, so that errors do not cancel; None where
            nothing changed, and for feature ablation, which promises no such sum.
    """

    bin: str
    class_name: str
    n: int
    patches: int
    change: float | None
    attributed: float
    error: float | None


class AttributionResult(Part):
    """Importance of the channels of one trained network.

    Attributes:
        trial_id: Of the network.
        seed: Of the trial: results of several seeds show how much of importance is chance.
        task: `pixel` (n are pixels) or `patch` (n are patches).
        target: Chart of the classes.
        lake: Digest of the data.
        channels: Inputs of the network in order.
        classes: That were asked for, in the order of the chart; those without a pixel have no rows.
        sampled: Whether only a part of the patches was looked at.
        rows: One per bin, class and feature.
        completeness: One per bin and class.
        seconds: Wall time.
    """

    trial_id: str
    seed: int
    model: str
    task: Annotated[Task, BeforeValidator(task_word)]
    target: str
    settings: AttributionSettings
    lake: str
    channels: tuple[str, ...]
    classes: tuple[str, ...]
    scenes: int
    sampled: bool
    rows: tuple[AttributionRow, ...]
    completeness: tuple[CompletenessRow, ...]
    seconds: float
    versions: dict[str, str]

    @property
    def method(self) -> str:
        """How importance was found."""
        return self.settings.method

    @property
    def completeness_error(self) -> float | None:
        """Largest error of a class over all scenes; None for a method without completeness."""
        errors = [row.error for row in self.completeness if row.bin == ALL and row.error is not None]
        return max(errors, default=None)

    def to_json(self) -> str:
        """JSON text; `from_json` reads it back."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str) -> "AttributionResult":
        """Reads what `to_json` gave; raises AttributionError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the text"
            raise AttributionError(
                f"this is no attribution result ({place}: {first['msg']}): give the JSON that `python -m training "
                "attribute` wrote"
            ) from error

    @classmethod
    def from_file(cls, path: Path) -> "AttributionResult":
        """Reads a JSON file; raises AttributionError."""
        if not path.is_file():
            raise AttributionError(
                f"there is no attribution result {str(path)!r}: give the JSON that `python -m training attribute` wrote"
            )
        return cls.from_json(path.read_text(encoding="utf-8"))

    def to_csv(self) -> str:
        """All rows as CSV with a header, what they are of in front: trial, network and method, so that files join."""
        head = {name: getattr(self, name) for name in ("trial_id", "seed", "model", "method", "target")}
        return rows_csv([*head, *AttributionRow.model_fields], ({**head, **row.model_dump()} for row in self.rows))


class Rank(Part):
    """One feature in the order of importance: `share` of the absolute attribution of all features ranked with it."""

    feature: str
    share: float


def rank_channels(
    result: AttributionResult, *, class_name: str | None = None, bin_name: str = ALL, groups: bool = False
) -> tuple[Rank, ...]:
    """Channels by importance, the most important first; equal ones in the order of the network's inputs.

    With no class it is the mean of the classes' shares, so that each class counts alike however common it is and
    however large its logits are. `groups` ranks groups instead of channels.

    Raises:
        UnknownNameError: There is no such class or bin; the nearest is named.
    """
    if class_name is not None and class_name not in result.classes:
        raise unknown_name("class", class_name, result.classes)
    bins = dict.fromkeys(row.bin for row in result.rows)
    if bin_name not in bins:
        raise unknown_name("bin", bin_name, bins)
    by_class: dict[str, dict[str, float]] = defaultdict(dict)
    for row in result.rows:
        if row.bin == bin_name and row.is_group == groups and class_name in (None, row.class_name):
            by_class[row.class_name][row.feature] = row.absolute
    shares: dict[str, float] = {}
    for values in by_class.values():
        total = sum(values.values())
        for feature, value in values.items():
            shares[feature] = shares.get(feature, 0.0) + (value / total if total else 0.0) / len(by_class)
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return tuple(Rank(feature=feature, share=share) for feature, share in ordered)


def rows_of(
    sums: Mapping[str, AttributionSums], features: Features, classes: Sequence[tuple[int, str]], *, complete: bool
) -> tuple[tuple[AttributionRow, ...], tuple[CompletenessRow, ...]]:
    """Means of sums by bin, for classes by number and name: the only place where sums are divided.

    `complete` says whether the method promises that attributions add up to the change of the output.
    """
    rows, completeness = [], []
    for bin_name, own in sums.items():
        signed, absolute = own.per_pixel(own.signed), own.per_pixel(own.absolute)
        change, errors = own.per_pixel(own.change), own.completeness_error
        for number, class_name in classes:
            here: dict[str, Any] = {"bin": bin_name, "class_name": class_name, "n": int(own.n[number])}
            if not here["n"]:
                continue
            for place, feature in enumerate(features.names):
                is_group = place >= len(features.channels)
                rows.append(
                    AttributionRow(
                        **here,
                        feature=feature,
                        group=feature if is_group else group_of(feature),
                        is_group=is_group,
                        signed=float(signed[number, place]),
                        absolute=float(absolute[number, place]),
                    )
                )
            completeness.append(
                CompletenessRow(
                    **here,
                    patches=int(own.patches[number]),
                    change=float(change[number]) if complete else None,
                    attributed=float(signed[number, : len(features.channels)].sum()),
                    error=float(errors[number]) if complete and not np.isnan(errors[number]) else None,
                )
            )
    return tuple(rows), tuple(completeness)
