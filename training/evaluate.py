"""Scores of a trained network on whole test scenes: one confusion matrix per scene, summed into bins.

Two grids: `test` is the trial's own grid, comparable with the published numbers; `test_80m` (or whatever the spec's
`fixed_ratio` makes) is one grid for all trials, so that trials of different ratios are scored on the same truth pixels.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.errors import SplitError
from datasets.grids import pixel_spacing
from datasets.labels import Chart, chart
from datasets.lake import Lake
from datasets.loaders import load_chart, load_scene
from datasets.normalize import Normalization
from datasets.scene import SceneRecord
from training.confusion import ConfusionMatrix
from training.predict import predict_scene
from training.spec import TrialSpec

ALL = "all"
"""The bin of every test scene."""


@dataclass(frozen=True, kw_only=True)
class SceneScore:
    """One scored scene.

    Attributes:
        record: The scene.
        predicted: Class of every pixel on the trial's own grid, (H, W) uint8.
        truth: Chart on the same grid, (H, W) uint8, 255 = no label.
        matrices: Confusion matrix by grid name.
    """

    record: SceneRecord
    predicted: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    matrices: Mapping[str, ConfusionMatrix]


def grid_names(spec: TrialSpec) -> tuple[str, ...]:
    """Names of the grids that `spec` is scored on: `test`, and `test_80m` for `fixed_ratio` 2."""
    fixed = spec.evaluation.fixed_ratio
    return ("test",) if fixed is None else ("test", f"test_{pixel_spacing(fixed)}m")


def score_scene(
    model: nn.Module,
    lake: Lake,
    record: SceneRecord,
    spec: TrialSpec,
    normalization: Normalization,
    *,
    device: torch.device,
) -> SceneScore:
    """Predicts one scene whole and counts it on every grid of the spec."""
    data, fixed = spec.data, spec.evaluation.fixed_ratio
    n_classes = chart(data.primary).n_classes
    scene = load_scene(
        lake,
        record.scene_id,
        ratio=data.ratio,
        channels=data.channels,
        target=data.primary,
        normalization=normalization,
    )
    predicted = predict_scene(model, scene.x, device=device)
    own, *others = grid_names(spec)
    matrices = {own: ConfusionMatrix.from_arrays(scene.y, predicted, n_classes)}
    for name in others:
        assert fixed is not None
        truth = load_chart(lake, record.scene_id, ratio=fixed, target=data.primary)
        moved = to_grid(predicted, data.ratio, fixed, truth.shape)
        matrices[name] = ConfusionMatrix.from_arrays(truth, moved, n_classes)
    return SceneScore(record=record, predicted=predicted, truth=scene.y, matrices=matrices)


def to_grid(classes_HW: NDArray[np.uint8], ratio: int, fixed_ratio: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Brings classes from the grid of `ratio` to the grid of `fixed_ratio` by nearest pixel.

    Both grids start at the same corner, but block reduction trims: the coarser grid can end up to a block before the
    finer. Fixed pixels beyond its end take its last line or sample, so that every ratio is scored on the very same
    truth pixels.

    Args:
        classes_HW: (H, W) uint8 on the grid of `ratio`.
        ratio: Where the classes are.
        fixed_ratio: Where they are wanted.
        shape: Lines and samples of the wanted grid.
    """
    lines, samples = (
        nearest_index(length, ratio, fixed_ratio, own) for length, own in zip(shape, classes_HW.shape, strict=True)
    )
    return classes_HW[np.ix_(lines, samples)]


def nearest_index(length: int, ratio: int, fixed_ratio: int, own_length: int) -> NDArray[np.int64]:
    """Own pixel under the centre of each of `length` fixed pixels: floor((j + 0.5) * fixed_ratio / ratio), clipped."""
    centre_doubled = (2 * np.arange(length, dtype=np.int64) + 1) * fixed_ratio  # integers: no rounding at borders
    return np.minimum(centre_doubled // (2 * ratio), own_length - 1)


def bins_of(record: SceneRecord) -> tuple[str, ...]:
    """Bins that a scene counts in; a scene without cryoseason is in no cryoseason bin."""
    names = [ALL, f"season/{record.season}", f"location/{record.location}"]
    if record.cryoseason is not None:
        names.append(f"cryoseason/{record.cryoseason}")
    return (*names, f"scene/{record.scene_id}")


def sum_bins(
    scores: Iterable[tuple[SceneRecord, Mapping[str, ConfusionMatrix]]],
) -> dict[str, ConfusionMatrix]:
    """Sums scenes into `<grid>/<bin>` matrices, `test_80m/season/winter`."""
    sums: dict[str, ConfusionMatrix] = {}
    for record, matrices in scores:
        for grid, matrix in matrices.items():
            for name in bins_of(record):
                key = f"{grid}/{name}"
                sums[key] = sums[key] + matrix if key in sums else matrix
    return sums


def metrics_of(sums: Mapping[str, ConfusionMatrix], target: Chart) -> dict[str, float]:
    """Scores by the names of the tracker: `test/f1`, `test/winter/f1`, `test/class/old_ice/f1`, `test_80m/f1`, ...

    Scenes have matrices but no metrics here. What has no value (a bin without labelled pixels, a class in neither truth
    nor prediction) is left out.

    Raises:
        SplitError: A grid has no labelled pixel at all.
    """
    found: dict[str, float] = {}
    for key, matrix in sums.items():
        grid, _, name = key.partition("/")
        if name.startswith("scene/"):
            continue
        scores = matrix.metrics()
        if name == ALL:
            if matrix.n == 0:
                raise SplitError(
                    f"no test scene has a pixel labelled in {target.name} on the grid {grid!r}: "
                    "choose other test scenes"
                )
            found |= {
                f"{grid}/accuracy": scores.accuracy,
                f"{grid}/f1": scores.f1,
                f"{grid}/f1_macro": scores.f1_macro,
                f"{grid}/iou": scores.iou,
                f"{grid}/iou_macro": scores.iou_macro,
                f"{grid}/precision": scores.precision,
                f"{grid}/precision_macro": scores.precision_macro,
                f"{grid}/recall": scores.recall,
                f"{grid}/recall_macro": scores.recall_macro,
            }
            found[f"{grid}/majority_f1"] = majority(matrix).metrics().f1
            for class_name, f1 in zip(target.classes, scores.class_f1, strict=True):
                found[f"{grid}/class/{_key(class_name)}/f1"] = f1
        else:
            leaf = name.partition("/")[2]
            found |= {f"{grid}/{leaf}/f1": scores.f1, f"{grid}/{leaf}/accuracy": scores.accuracy}
    return {key: value for key, value in found.items() if not np.isnan(value)}


def majority(matrix: ConfusionMatrix) -> ConfusionMatrix:
    """What a network that always says the most common true class would have got: the score to beat."""
    true = matrix.counts.sum(axis=1)
    counts = np.zeros_like(matrix.counts)
    counts[:, int(true.argmax())] = true
    return ConfusionMatrix(counts)


def _key(class_name: str) -> str:
    """Class name as a tracker's key: `10%` is no key everywhere."""
    return class_name.replace("%", "_percent")
