"""Which scenes of a lake a trial is trained, validated and scored on; checks before it starts."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from datasets.catalog import Catalog
from datasets.channels import CHANNELS
from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.loading.windows import LAND
from training.spec import SceneFilter, SpecError, TrialSpec

Split = Literal["train", "val", "test"]


class EmptyCellError(SplitError):
    """A split, `split`, has no scene that a trial could use."""

    def __init__(self, split: str, message: str) -> None:
        super().__init__(message)
        self.split = split


@dataclass(frozen=True, kw_only=True)
class TrialScenes:
    """The scenes of one trial; each has a label in the target chart."""

    train: Catalog
    val: Catalog
    test: Catalog

    def of(self, split: Split) -> Catalog:
        """The scenes of one split."""
        found: Catalog = getattr(self, split)
        return found

    def longest_side(self, ratio: int) -> int:
        """Longest side of the scenes that are scored whole (val and test), in pixels of the ratio."""
        longest: int = max(max(record.lines, record.samples) for record in (*self.val, *self.test)) // ratio
        return longest


def bind(spec: TrialSpec, lake: Lake) -> TrialSpec:
    """Returns the spec with the lake's digest, so that its trial_id depends on the data too.

    Raises:
        SpecError: The spec is bound to another lake.
    """
    if spec.data.lake not in ("", lake.digest):
        raise SpecError(
            f"data.lake = {spec.data.lake!r} is not allowed: the lake {lake.url!r} has digest {lake.digest!r}; "
            "give the lake that the spec was made for, or empty data.lake to make it a trial of this one"
        )
    return spec.with_("data.lake", lake.digest)


def select_scenes(spec: TrialSpec, lake: Lake) -> TrialScenes:
    """Finds the scenes of a trial.

    Raises:
        SpecError: The lake lacks the ratio, the fixed ratio or a channel.
        SplitError: A split has no scene that can be used; the message names the study cell. Or the patch is larger than
            every training scene.
    """
    _check_ratios(spec, lake)
    _check_channels(spec, lake)
    catalog = lake.catalog()
    train, val, test = (
        _cell(catalog, split, getattr(spec.data, split), spec.data.primary, lake) for split in get_args(Split)
    )
    scenes = TrialScenes(train=_share(train, spec.data.scene_share, spec.seed), val=val, test=test)
    _check_patch(spec, scenes.train)
    return scenes


def _cell(catalog: Catalog, split: Split, where: SceneFilter, target: str, lake: Lake) -> Catalog:
    found = catalog.split(split).where(season=where.season, location=where.location, cryoseason=where.cryoseason)
    labelled = Catalog(tuple(record for record in found if record.labelled(target) > 0))
    if not labelled:
        asked = ", ".join(f"{name} {value}" for name, value in where.model_dump().items() if value is not None)
        raise EmptyCellError(
            split,
            f"the cell {asked or 'of all scenes'} has no {split} scene with a label in {target} "
            f"({len(found)} of {len(catalog.split(split))} {split} scenes are in the cell; lake {lake.url!r}): "
            f"widen data.{split}, or add scenes to the lake",
        )
    return labelled


def _share(scenes: Catalog, share: float, seed: int) -> Catalog:
    """The first scenes of a seeded order, so that a smaller share is inside every larger one."""
    order = np.random.default_rng(seed).permutation(len(scenes))[: math.ceil(share * len(scenes))]
    return Catalog(tuple(scenes.records[place] for place in sorted(order.tolist())))


def _check_patch(spec: TrialSpec, train: Catalog) -> None:
    size, ratio = spec.data.patch_size, spec.data.ratio
    largest = max(train, key=lambda record: min(record.lines, record.samples))
    shape = largest.lines // ratio, largest.samples // ratio
    if size > min(shape):
        raise SplitError(
            f"data.patch_size = {size} is larger than every training scene at ratio {ratio} (the largest, "
            f"{largest.scene_id}, has {shape[0]} x {shape[1]} pixels): use a smaller patch or a smaller ratio"
        )


def _check_ratios(spec: TrialSpec, lake: Lake) -> None:
    for name, ratio in (("data.ratio", spec.data.ratio), ("evaluation.fixed_ratio", spec.evaluation.fixed_ratio)):
        if ratio is not None and ratio not in lake.ratios:
            raise SpecError(
                f"{name} = {ratio} is not allowed: the lake {lake.url!r} has the ratios "
                f"{', '.join(map(str, lake.ratios))}; choose one of them, or build a lake with this ratio"
            )


def _check_channels(spec: TrialSpec, lake: Lake) -> None:
    known = {"month", *lake.moments(f"r{spec.data.ratio}"), *lake.moments("km2")}
    needed = (*spec.data.channels, *((LAND,) if spec.data.max_land < 1 else ()))
    if missing := [name for name in needed if name not in known]:
        raise SpecError(
            f"the trial needs {', '.join(missing)}, which the lake {lake.url!r} lacks: it has "
            f"{', '.join(name for name in CHANNELS if name in known)}; choose among these"
        )
