"""How far the confidence of a network can be believed: reliability by class, and one temperature fitted on val scenes.

Confidence is the largest of the probabilities of a pixel (or pure patch). A network is calibrated where, of all pixels
that it gives a class with a confidence of 0.8, 80 % have that class. Outputs are divided by a temperature before they
become probabilities, which changes no class; the one that fits val scenes best is chosen there and only reported on
test scenes. All is counted tile by tile into histograms, so no more than a tile is held.

Shapes: B batch, K outputs, H lines, W samples. Labels: class 0..n-1, 255 = no label.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from datasets.labels import IGNORE
from datasets.patches.patch_index import PatchIndex
from training.data.trial_data import TrialData
from training.evaluation.confusion import quotient
from training.evaluation.metric_names import class_key
from training.evaluation.predict import LabelledOutputs, labelled_tiles
from training.evaluation.score_scenes import by_scene
from training.evaluation.sliding import window_outputs
from training.evaluation.tiles import Tiling
from training.models.heads import Head, heads_of
from training.spec.errors import Part

BINS: Final = 20
"""Of confidence, from 0 to 1."""
TEMPERATURES: Final = np.geomspace(0.2, 10.0, 40)
"""Tried on the val scenes; the best lies between the neighbours of the best of these."""
_FITTED_ON: Final = 1 << 16
"""Most labelled pixels of a tile that the temperature is fitted on: a million in all tell it to three digits."""


@dataclass(frozen=True)
class Reliability:
    """Pixels by predicted class and confidence: how many, how many have that class, the sum of their confidences.

    (classes, BINS) each; they add up.
    """

    n: NDArray[np.int64]
    right: NDArray[np.int64]
    confidence: NDArray[np.float64]

    @classmethod
    def zero(cls, n_classes: int) -> "Reliability":
        """Of no pixel."""
        shape = (n_classes, BINS)
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape))

    @classmethod
    def of(cls, logits: torch.Tensor, labels: torch.Tensor, temperature: float = 1.0) -> "Reliability":
        """Counts labelled pixels: logits (B, n, ...), labels (B, ...) uint8."""
        confidence, classes = (logits / temperature).softmax(dim=1).max(dim=1)
        labelled = labels != IGNORE
        confidence, classes, truth = confidence[labelled].double(), classes[labelled], labels[labelled]
        place = classes * BINS + (confidence * BINS).long().clamp(max=BINS - 1)
        size = logits.shape[1] * BINS

        def table(places: torch.Tensor, weights: torch.Tensor | None = None) -> NDArray[Any]:
            counted = torch.bincount(places.cpu(), None if weights is None else weights.cpu(), minlength=size)
            found: NDArray[Any] = counted.view(-1, BINS).numpy()
            return found

        return cls(table(place), table(place[classes == truth]), table(place, confidence))

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(self.n + other.n, self.right + other.right, self.confidence + other.confidence)

    @property
    def error(self) -> float:
        """Expected calibration error of all pixels, whatever their class: mean gap of confidence and share right."""
        return float(_gap(self.n.sum(axis=0), self.right.sum(axis=0), self.confidence.sum(axis=0)))

    @property
    def class_error(self) -> NDArray[np.float64]:
        """The same of the pixels that are given a class, (classes,); NaN for one that is never given."""
        return _gap(self.n, self.right, self.confidence)


class ChartCalibration(Part):
    """Calibration of the network in one chart.

    Attributes:
        temperature: Fitted on val scenes.
        errors: Expected calibration error by where: `val`, `test`, and `test_scaled` with the temperature.
        class_errors: Of test scenes by predicted class, without and with the temperature (`old_ice`,
            `old_ice_scaled`); classes that are never predicted are left out.
        histograms: Of test scenes without and with the temperature (`test`, `test_scaled`): pixels, pixels right and
            sum of confidences, by predicted class and by bin of confidence.
    """

    temperature: float
    errors: dict[str, float]
    class_errors: dict[str, float]
    histograms: dict[str, dict[str, list[list[float]]]]

    def reliability(self, name: str) -> Reliability:
        """A histogram as arrays."""
        own = self.histograms[name]
        n, right = (np.array(own[part], dtype=np.int64) for part in ("n", "right"))
        return Reliability(n, right, np.array(own["confidence"]))


class CalibrationCount:
    """Counts test scenes on their way through scoring; a chart that is a regression has no calibration."""

    def __init__(
        self, heads: Mapping[int, Head], temperatures: Mapping[int, float], val: Mapping[int, Reliability]
    ) -> None:
        self._heads, self._temperatures, self._val = heads, temperatures, val
        self._plain, self._scaled = _nothing(heads), _nothing(heads)

    @classmethod
    def fitted(cls, model: nn.Module, data: TrialData, tiling: Tiling | None, pure: PatchIndex | None) -> Self:
        """Fits a temperature for every chart on the val scenes.

        Pixel-based networks are asked for every pixel of their own grid, patch-based ones for pure patches (`pure`).
        """
        heads = {place: head for place, head in enumerate(heads_of(data.spec)) if not head.regression}
        losses, counted = {place: np.zeros(len(TEMPERATURES)) for place in heads}, _nothing(heads)
        for outputs, labels in _val_outputs(model, data, tiling, pure):
            for place, head in heads.items():
                losses[place] += losses_of(head.of(outputs), labels[:, place])
                counted[place] += Reliability.of(head.of(outputs), labels[:, place])
        return cls(heads, {place: best_temperature(own) for place, own in losses.items()}, counted)

    def add(self, outputs: torch.Tensor, labels: torch.Tensor) -> None:
        """Counts a part of the test scenes: outputs (B, K, ...), labels (B, T, ...) uint8 on the same device."""
        for place, head in self._heads.items():
            own, truth = head.of(outputs), labels[:, place]
            self._plain[place] += Reliability.of(own, truth)
            self._scaled[place] += Reliability.of(own, truth, self._temperatures[place])

    def result(self) -> dict[str, ChartCalibration]:
        """By chart."""
        found = {}
        for place, head in self._heads.items():
            plain, scaled = self._plain[place], self._scaled[place]
            counted = {"val": self._val[place], "test": plain, "test_scaled": scaled}
            found[head.chart.name] = ChartCalibration(
                temperature=self._temperatures[place],
                errors={name: own.error for name, own in counted.items() if own.n.any()},
                class_errors={
                    f"{class_key(name)}{end}": float(value)
                    for own, end in ((plain, ""), (scaled, "_scaled"))
                    for name, value in zip(head.chart.classes, own.class_error, strict=True)
                    if np.isfinite(value)
                },
                histograms={"test": _lists(plain), "test_scaled": _lists(scaled)},
            )
        return found


def calibration_metrics(found: dict[str, ChartCalibration], first: str) -> dict[str, float]:
    """By the tracker's names: `calibration/temperature`, `calibration/ece_test`, `calibration/SIC/ece_test_scaled`."""
    metrics = {}
    for name, own in found.items():
        start = "calibration/" if name == first else f"calibration/{name}/"
        metrics[f"{start}temperature"] = own.temperature
        metrics |= {f"{start}ece_{where}": value for where, value in own.errors.items()}
    return metrics


def best_temperature(losses: NDArray[np.float64]) -> float:
    """The minimum over log temperature, between the grid points by a parabola; (temperatures,) sums of loss.

    It is 1 where nothing was labelled, so that nothing was lost at any temperature.
    """
    if not losses.any():
        return 1.0
    place = int(losses.argmin())
    logs = np.log(TEMPERATURES)
    if not 0 < place < len(losses) - 1:
        return float(TEMPERATURES[place])
    before, here, after = losses[place - 1 : place + 2]
    curve = before - 2 * here + after
    shift = 0.5 * (before - after) / curve if curve > 0 else 0.0
    return float(np.exp(logs[place] + shift * (logs[1] - logs[0])))


def losses_of(logits: torch.Tensor, labels: torch.Tensor) -> NDArray[np.float64]:
    """Sum of the cross entropy of labelled pixels at each temperature; of large tiles from an even part of them."""
    labelled = labels != IGNORE
    own, truth = logits.movedim(1, -1)[labelled].double(), labels[labelled].long()
    step = -(-len(truth) // _FITTED_ON) or 1
    own, truth = own[::step], truth[::step]
    found = [functional.cross_entropy(own / float(each), truth, reduction="sum").item() for each in TEMPERATURES]
    return step * np.array(found)


def _nothing(heads: Mapping[int, Head]) -> dict[int, Reliability]:
    return {place: Reliability.zero(head.width) for place, head in heads.items()}


def _val_outputs(model: nn.Module, data: TrialData, tiling: Tiling | None, pure: PatchIndex | None) -> LabelledOutputs:
    inputs = data.inputs
    if tiling is not None:
        for scene_id in data.scenes.val.scene_ids:
            yield from labelled_tiles(model, inputs.scene(scene_id), tiling)
    elif pure is not None:
        for scene_id, patches in by_scene(pure).items():
            start = 0
            for outputs in window_outputs(model, inputs.scene(scene_id), patches.corners, data.spec.data.patch_size):
                labels = patches.labels[start : start + len(outputs), None]
                yield outputs, torch.from_numpy(labels.copy()).to(inputs.device)
                start += len(outputs)


def _gap(n: NDArray[np.integer], right: NDArray[np.integer], confidence: NDArray[np.floating]) -> NDArray[np.float64]:
    """Expected calibration error over the last axis; NaN without pixels."""
    return quotient(np.abs(right - confidence).sum(axis=-1), n.sum(axis=-1))


def _lists(own: Reliability) -> dict[str, list[list[float]]]:
    return {part: values.tolist() for part, values in vars(own).items()}
