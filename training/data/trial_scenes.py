"""Which scenes of a lake a trial is trained, validated and scored on; checks before it starts."""

import math
import shlex
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from datasets.catalog import Catalog
from datasets.channels import CHANNELS, LAND
from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.plural import noun, plural
from training.data.scene_draws import held_out, matched
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

    @cached_property
    def largest(self) -> tuple[int, int, int]:
        """Of the training scene into which the largest patch fits: place, and lines and samples of 40 m."""
        lines, samples = self.train.column("lines"), self.train.column("samples")
        place = int(np.minimum(lines, samples).argmax())
        return place, int(lines[place]), int(samples[place])

    def longest_side(self, ratio: int) -> int:
        """Longest side of the scenes that are scored whole (val and test), in pixels of the ratio."""
        sides = (scenes.column(name).max() for scenes in (self.val, self.test) for name in ("lines", "samples"))
        return int(max(sides)) // ratio


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


def check_trained_on(spec: TrialSpec, lake: Lake) -> None:
    """Raises SpecError where the spec of a checkpoint is of another lake, whose splits its scores would mix with."""
    if spec.data.lake not in ("", lake.digest):
        raise SpecError(
            f"the checkpoint of trial {spec.trial_id} was trained on the lake {spec.data.lake}, and the lake "
            f"{lake.url!r} has digest {lake.digest}: give its own lake for scores and attributions; "
            "`python -m training predict` makes maps of the scenes of any lake"
        )


def select_scenes(
    spec: TrialSpec, lake: Lake, known: dict[Hashable, TrialScenes | SplitError] | None = None
) -> TrialScenes:
    """Finds the scenes of a trial.

    Args:
        spec: The trial.
        lake: Where.
        known: What was found in this lake for trials before: who asks for many gives one that is empty at first.

    Raises:
        SpecError: The lake lacks the ratio, the fixed ratio or a channel.
        SplitError: A split has no scene that can be used; the message names the study cell. Or the patch is larger than
            every training scene.
    """
    _check_ratios(spec, lake)
    _check_channels(
        spec.data.channels if spec.data.max_land >= 1 else (*spec.data.channels, LAND), spec.data.ratio, lake
    )
    known = {} if known is None else known
    key = _chosen_by(spec)
    if key not in known:
        try:
            known[key] = _choose(spec, lake)
        except SplitError as error:
            known[key] = error
    scenes = known[key]
    if isinstance(scenes, SplitError):
        raise scenes.with_traceback(None)  # else every trial would add to the same one
    _check_patch(spec, scenes)
    _check_polygons(spec, scenes)
    return scenes


def _chosen_by(spec: TrialSpec) -> tuple[Hashable, ...]:
    """All that `_choose` asks of a spec: the seed only where scenes are drawn."""
    data = spec.data
    drawn = data.size_matched or data.scene_share < 1
    of_seed = spec.seed if drawn else None
    return data.train, data.val, data.test, data.primary, data.selection, data.size_matched, data.scene_share, of_seed


def _choose(spec: TrialSpec, lake: Lake) -> TrialScenes:
    catalog, data, target = lake.catalog(), spec.data, spec.data.primary
    train, test = (_cell(catalog, split, getattr(data, split), target, lake) for split in ("train", "test"))
    if data.selection == "all":
        val = _cell(catalog, "val", data.val, target, lake)
    else:
        of_val = _labelled(catalog, "val", data.val, target)
        val = _where(of_val, data.train)
        if not val:
            train, val = held_out(train)
            of_val = of_val or val
        if not val:
            raise _empty(catalog, "val", data.train, target, lake)
    if data.size_matched:
        every = _labelled(catalog, "train", SceneFilter(), target)
        pool = every.without(of_val) if data.selection == "source" else every
        train = matched(pool, train, target, spec.seed)
        if data.selection == "source":
            val = matched(of_val, val, target, spec.seed) if len(of_val) >= len(val) else of_val
    return TrialScenes(train=_share(train, data.scene_share, spec.seed), val=val, test=test)


def _cell(catalog: Catalog, split: Split, where: SceneFilter, target: str, lake: Lake) -> Catalog:
    if labelled := _labelled(catalog, split, where, target):
        return labelled
    raise _empty(catalog, split, where, target, lake)


def _labelled(catalog: Catalog, split: Split, where: SceneFilter, target: str) -> Catalog:
    found = _where(catalog.split(split), where)
    return found.take(found.labelled(target) > 0)


def _where(scenes: Catalog, where: SceneFilter) -> Catalog:
    return scenes.where(season=where.season, location=where.location, cryoseason=where.cryoseason)


def _empty(catalog: Catalog, split: Split, where: SceneFilter, target: str, lake: Lake) -> EmptyCellError:
    asked = ", ".join(f"{name} {value}" for name, value in where.model_dump().items() if value is not None)
    found = _where(catalog.split(split), where)
    if not found and not asked:
        archive = " --split test" if split == "test" else ""
        command = f"python -m ingest build RAW --lake {shlex.quote(lake.url)}"
        return EmptyCellError(split, f"the lake {lake.url!r} has no {split} scene: `{command}{archive}` adds some")
    return EmptyCellError(
        split,
        f"the cell {asked or 'of all scenes'} has no {split} scene with a label in {target} ({len(found)} of "
        f"{plural(len(catalog.split(split)), f'{split} scene')} {noun(len(found), 'is', 'are')} in the cell; lake "
        f"{lake.url!r}): widen data.{split}, or add scenes to the lake",
    )


def _share(scenes: Catalog, share: float, seed: int) -> Catalog:
    """The first scenes of a seeded order, so that a smaller share is inside every larger one."""
    if share == 1:
        return scenes
    return scenes.take(np.random.default_rng(seed).permutation(len(scenes))[: math.ceil(share * len(scenes))])


def _check_patch(spec: TrialSpec, scenes: TrialScenes) -> None:
    size, ratio = spec.data.patch_size, spec.data.ratio
    place, lines, samples = scenes.largest
    shape = lines // ratio, samples // ratio
    if size > min(shape):
        raise SplitError(
            f"data.patch_size = {size} is larger than every training scene at ratio {ratio} (the largest, "
            f"{scenes.train.at(place).scene_id}, has {shape[0]} x {shape[1]} pixels): use a smaller patch or a smaller "
            "ratio"
        )


def _check_polygons(spec: TrialSpec, scenes: TrialScenes) -> None:
    """Only scenes of raw files have the polygons from which charts of other shares of dominance are made."""
    read = (scenes.train, scenes.val) if spec.data.dominance is not None else ()
    read = (*read, scenes.test) if spec.evaluation.dominance else read
    bare = [name for each in read for name in each.take(~each.having("product", "raw")).scene_ids]
    if bare:
        raise SpecError(
            "data.dominance and evaluation.dominance need the polygons of ice charts, which "
            f"{plural(len(bare), 'scene')} of the ready-to-train product {noun(len(bare), 'lacks', 'lack')} (first: "
            f"{bare[0]}): give a lake of raw files, or leave them at their defaults"
        )


def _check_ratios(spec: TrialSpec, lake: Lake) -> None:
    """Raises SpecError where the lake lacks the trial's own ratio, or that on which all trials are scored."""
    for name, ratio in (("data.ratio", spec.data.ratio), ("evaluation.fixed_ratio", spec.evaluation.fixed_ratio)):
        if ratio is not None and ratio not in lake.ratios:
            raise SpecError(
                f"{name} = {ratio} is not allowed: the lake {lake.url!r} has the ratios "
                f"{', '.join(map(str, lake.ratios))}; choose one of them, or build a lake with this ratio"
            )


def _check_channels(needed: Iterable[str], ratio: int, lake: Lake) -> None:
    """Raises SpecError where the scenes of the lake lack a channel at this ratio."""
    known = {"month", *lake.channels(f"r{ratio}"), *lake.channels("km2")}
    if missing := [name for name in needed if name not in known]:
        raise SpecError(
            f"the trial needs {', '.join(missing)}, which the lake {lake.url!r} lacks: it has "
            f"{', '.join(name for name in CHANNELS if name in known)}; choose among these"
        )


def check_lake(spec: TrialSpec, lake: Lake, also: Iterable[str] = ()) -> None:
    """Raises SpecError where the scenes of a lake lack the ratio of a trained network, a channel, or one of `also`."""
    ratio = spec.data.ratio
    if ratio not in lake.ratios:
        raise SpecError(
            f"the network of trial {spec.trial_id} sees scenes at ratio {ratio}, and the lake {lake.url!r} has the "
            f"ratios {', '.join(map(str, lake.ratios))}: build a lake with --ratios {ratio}, or give another checkpoint"
        )
    _check_channels(dict.fromkeys((*spec.inputs, *also)), ratio, lake)
