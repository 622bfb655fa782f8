"""Test scenes from inputs to confusion matrices, one scene after the other, on every grid of the spec.

Two grids: `test` is the trial's own grid, comparable with the published numbers; `test_80m` (or whatever the spec's
`fixed_ratio` makes) is one grid for all trials, so that trials of different ratios are scored on the same truth pixels.
Patch-based trials are scored on both as maps, and on the pure patches of the test scenes as `test_patches`.

While the network computes, threads read the next scene and finish the one before (count, draw).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.lake import Lake
from datasets.patches.patch_index import PatchIndex
from datasets.scene import SceneRecord
from datasets.sigrid import Dominance
from training.evaluation.bins import OWN_GRID, PATCHES, ScoreKey, dominance_grid, fixed_grid
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.fixed_grid import to_grid
from training.evaluation.predict import SceneWindows, TileOutputs, predict_scene, read_ahead, with_first_window
from training.evaluation.sliding import Sliding, window_outputs
from training.evaluation.tiles import Tiling, tiling_of
from training.models.heads import heads_of
from training.spec import TrialSpec

Finished = TypeVar("Finished")

_Predicted = tuple[dict[str, NDArray[np.uint8]], NDArray[np.uint8] | None]
"""Class rasters on the trial's own grid by chart, and the classes of the scene's pure patches."""

Look = Callable[[torch.Tensor, torch.Tensor], None]
"""Is given outputs (B, K, ...) float32 of a network and labels (B, T, ...) uint8, 255 = no label, on one device."""


@dataclass(frozen=True, kw_only=True)
class PurePatches:
    """Pure patches of one scene: (n, 2) first line and sample at the trial's ratio, and (n,) uint8 true classes."""

    corners: NDArray[np.integer]
    labels: NDArray[np.uint8]


def by_scene(index: PatchIndex) -> dict[str, PurePatches]:
    """Pure patches of every scene of an index, by scene_id."""
    found = {}
    for place, scene_id in enumerate(index.scene_ids):
        rows = np.flatnonzero(index.scene == place)
        corners = np.stack([index.line[rows], index.sample[rows]], axis=1)
        found[scene_id] = PurePatches(corners=corners, labels=index.label[rows])
    return found


@dataclass(frozen=True, kw_only=True)
class SceneToScore:
    """What a scene is scored from: charts (H, W) uint8 by grid and name, 255 = no label; pure patches, or None."""

    record: SceneRecord
    inputs: SceneWindows
    truth: Mapping[ScoreKey, NDArray[np.uint8]]
    patches: PurePatches | None = None


@dataclass(frozen=True, kw_only=True)
class SceneScore:
    """One scored scene: predicted classes and the charts (255 = no label) by name, (H, W) uint8 on its own grid."""

    record: SceneRecord
    predicted: Mapping[str, NDArray[np.uint8]]
    truth: Mapping[str, NDArray[np.uint8]]
    matrices: Mapping[ScoreKey, ConfusionMatrix]


@dataclass(frozen=True, kw_only=True)
class TruthGrid:
    """What a grid is scored against: charts of a `ratio`, of the lake or with another share of `dominance`."""

    ratio: int
    dominance: float | None = None


def truth_grids(spec: TrialSpec) -> dict[str, TruthGrid]:
    """Every grid that `spec` is scored on: `test`, its own, and `test_80m` for `fixed_ratio` 2.

    Truths with other shares of dominance are on the last of these.
    """
    fixed, shares = spec.evaluation.fixed_ratio, spec.evaluation.dominance
    grids = {OWN_GRID: TruthGrid(ratio=spec.data.ratio)}
    if fixed is not None:
        grids[fixed_grid(fixed)] = TruthGrid(ratio=fixed)
    name, last = list(grids.items())[-1]
    return grids | {dominance_grid(name, share): replace(last, dominance=share) for share in shares}


def tiling_for(model: nn.Module, spec: TrialSpec, longest: int | None = None) -> Tiling | None:
    """How scenes are cut for the network of a trial; None for a patch-based one, which slides.

    Where one tile holds the `longest` side of all scenes the network need not be measured, which takes seconds.
    """
    if spec.data.task == "patch":
        return None
    if longest is not None and longest <= spec.evaluation.tile:
        return Tiling(side=spec.evaluation.tile, halo=0, stride=1)
    return tiling_of(model, len(spec.inputs), spec.evaluation.tile)


def open_scene(
    inputs: SceneWindows, lake: Lake, record: SceneRecord, spec: TrialSpec, patches: PurePatches | None = None
) -> SceneToScore:
    """Reads the charts of a scene on every grid."""
    scene, targets = lake.scene(record.scene_id), spec.data.targets

    @cache  # a trial's own grid may be the fixed one
    def charts(grid: TruthGrid) -> Mapping[str, NDArray[np.generic]]:
        if grid.dominance is None:
            return scene.whole(grid.ratio, targets)
        return scene.charts(grid.ratio, Dominance(grid.dominance, grid.dominance))

    truth = {
        ScoreKey(name, target): charts(grid)[target].astype(np.uint8, copy=False)
        for name, grid in truth_grids(spec).items()
        for target in targets
    }
    return SceneToScore(record=record, inputs=inputs, truth=truth, patches=patches)


def score_scenes(
    model: nn.Module,
    records: Iterable[SceneRecord],
    open_one: Callable[[SceneRecord], SceneToScore],
    spec: TrialSpec,
    tiling: Tiling | None,
    finish: Callable[[SceneScore], Finished],
    look: Look = lambda outputs, labels: None,
) -> Iterator[Finished]:
    """Scores scenes in order, with all but the network's work done beside it; a few scenes are held at a time.

    `open_one` is called in a thread, one scene ahead. `finish` is called in another, one scene behind: it makes of a
    scored scene what is wanted (matrices, a drawn map), so that rasters need not be kept. `look` is given what the
    network says of every tile of the trial's own grid, or of the pure patches. The network is put in eval mode.

    Yields:
        What `finish` gave, in the order of the scenes.

    Raises:
        ClassRangeError: The inputs of a scene are not on the grid of its chart.
    """

    def ready(record: SceneRecord) -> SceneToScore:
        scene = open_one(record)
        return scene if tiling is None else replace(scene, inputs=with_first_window(scene.inputs, tiling))

    predicted = ((scene, _predict(model, scene, spec, tiling, look)) for scene in read_ahead(records, ready))
    return read_ahead(predicted, lambda each: finish(_count(*each, spec)))


def _predict(model: nn.Module, scene: SceneToScore, spec: TrialSpec, tiling: Tiling | None, look: Look) -> _Predicted:
    """All that needs the network."""
    heads = heads_of(spec)
    if tiling is not None:
        truths = [scene.truth[ScoreKey(OWN_GRID, name)] for name in spec.data.targets]

        def look_at(tile: TileOutputs) -> None:
            labels = torch.from_numpy(np.stack([truth[tile.lines, tile.samples] for truth in truths]))
            look(tile.outputs_KHW[None], labels[None].to(tile.outputs_KHW.device))

        return predict_scene(model, scene.inputs, heads, tiling, look_at), None
    (head,) = heads
    size, stride = spec.data.patch_size, spec.map_stride
    sliding = Sliding.over(scene.inputs.shape, size, stride)
    outputs = torch.cat(list(window_outputs(model, scene.inputs, sliding.corners, size)))
    rasters = {head.chart.name: sliding.raster(head.classes(outputs).cpu().numpy())}
    if scene.patches is None:
        return rasters, None
    places = sliding.find(scene.patches.corners)
    of_patches = outputs[places]
    if (elsewhere := places < 0).any():  # with another stride of the map
        found = window_outputs(model, scene.inputs, scene.patches.corners[elsewhere], size)
        of_patches[elsewhere] = torch.cat(list(found))
    look(of_patches, torch.from_numpy(scene.patches.labels[:, None].copy()).to(outputs.device))
    return rasters, head.classes(of_patches).cpu().numpy()


def _count(scene: SceneToScore, predicted: _Predicted, spec: TrialSpec) -> SceneScore:
    """All that needs no network."""
    rasters, of_patches = predicted
    matrices: dict[ScoreKey, ConfusionMatrix] = {}
    for head in heads_of(spec):
        name, n_classes = head.chart.name, head.chart.n_classes
        for grid, of_grid in truth_grids(spec).items():
            truth, raster = scene.truth[ScoreKey(grid, name)], rasters[name]
            if grid != OWN_GRID:
                raster = to_grid(raster, spec.data.ratio, of_grid.ratio, truth.shape)
            matrices[ScoreKey(grid, name)] = ConfusionMatrix.from_arrays(truth, raster, n_classes)
        if scene.patches is not None and of_patches is not None:
            counted = ConfusionMatrix.from_arrays(scene.patches.labels, of_patches, n_classes)
            matrices[ScoreKey(PATCHES, name)] = counted
    truths = {name: scene.truth[ScoreKey(OWN_GRID, name)] for name in spec.data.targets}
    return SceneScore(record=scene.record, predicted=rasters, truth=truths, matrices=matrices)
