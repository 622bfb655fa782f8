"""Confusion matrices that add up, and every score that follows from one: the one place where counts become scores.

A matrix over a batch, a scene or a season is a sum of pixel counts; scores are taken once, from the sum. They are taken
of many matrices at once too: counts have shape (..., n, n), row = true class, column = predicted class, and scores the
leading shape. Such counts may be weighted sums of matrices (float), so that a resampled test set is scored like a real
one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.errors import IceBenchError
from datasets.labels import IGNORE

SCORES: Final = ("precision", "recall", "f1", "iou")
"""Scores that every class has, and that have a weighted and a macro average."""

_PIECE = 1 << 18
"""Pixels counted at a time: temporaries stay in the processor's cache, however large the scene."""

_BYTE = 256
"""Values of a uint8."""


class ClassRangeError(IceBenchError, ValueError):
    """A labelled pixel has a class outside 0..n-1, or truth and prediction do not match in shape."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Scores of one matrix.

    Zero division: a class that is in the truth but never predicted has precision 0, and a class that is predicted but
    not in the truth has recall 0; both count in macro averages (scikit-learn's `zero_division=0`). A class that is in
    neither is left out of macro averages, and its own scores are NaN. Without any labelled pixel all scores are NaN.

    Attributes:
        n: Labelled pixels.
        accuracy: Share of labelled pixels with the right class; equals weighted recall.
        precision: Average over classes weighted by true pixels; `recall`, `f1` and `iou` likewise.
        precision_macro: Plain average over classes; `recall_macro`, `f1_macro` and `iou_macro` likewise.
        f1_ice: Plain average of F1 over the classes of ice: all but the first, which is water (or no ice).
        class_precision: One value per class, NaN for a class in neither; `class_recall`, `class_f1` and `class_iou`
            likewise.
        class_true: True pixels per class.
    """

    n: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    iou: float
    precision_macro: float
    recall_macro: float
    f1_macro: float
    iou_macro: float
    f1_ice: float
    class_precision: tuple[float, ...]
    class_recall: tuple[float, ...]
    class_f1: tuple[float, ...]
    class_iou: tuple[float, ...]
    class_true: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Pixel counts (n, n) int64, row = true class, column = predicted class; read-only."""

    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        counts = np.array(self.counts, dtype=np.int64)  # own copy: the caller's array stays writable, ours does not
        if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
            raise ClassRangeError(f"a confusion matrix is square with counts of 0 or more, got shape {counts.shape}")
        counts.setflags(write=False)
        object.__setattr__(self, "counts", counts)

    @classmethod
    def zero(cls, n_classes: int) -> "ConfusionMatrix":
        """The matrix of no pixel: the neutral element of `+`."""
        return cls(np.zeros((n_classes, n_classes), dtype=np.int64))

    @classmethod
    def from_arrays(cls, true: NDArray[np.integer], pred: NDArray[np.integer], n_classes: int) -> "ConfusionMatrix":
        """Counts pixels of two rasters of integer classes; fastest for uint8 (26 million pixels in 0.1 s).

        True pixels of 255 have no label and are not counted, whatever is predicted there. At most 255 classes.

        Raises:
            ClassRangeError: Shapes differ, or a labelled pixel has a true or predicted class outside 0..n-1.
        """
        if true.shape != pred.shape:
            raise ClassRangeError(f"truth has shape {true.shape} and prediction {pred.shape}: they must be one grid")
        if true.dtype != np.uint8 or pred.dtype != np.uint8:
            true, pred = _as_bytes(true, pred, n_classes)
        true_flat, pred_flat = true.reshape(-1), pred.reshape(-1)
        pairs = np.zeros(_BYTE * _BYTE, dtype=np.int64)  # every pair of bytes: what is out of range is seen afterwards
        for start in range(0, true_flat.size, _PIECE):
            piece = slice(start, start + _PIECE)
            code = true_flat[piece].astype(np.uint16)
            code *= _BYTE
            code += pred_flat[piece]
            pairs += np.bincount(code, minlength=_BYTE * _BYTE)
        return cls.from_pairs(pairs.reshape(_BYTE, _BYTE), n_classes)

    @classmethod
    def from_pairs(cls, pairs: NDArray[np.int64], n_classes: int) -> "ConfusionMatrix":
        """Takes the pixels of every pair of a true (row) and a predicted uint8 value, counted elsewhere, (256, 256).

        Raises:
            ClassRangeError: A labelled pixel has a true or predicted class outside 0..n-1.
        """
        counts = pairs[:IGNORE]
        for name, axis in (("true", 1), ("predicted", 0)):
            seen = np.flatnonzero(counts.any(axis=axis))
            if seen.size:
                _check_range(name, int(seen[0]), int(seen[-1]), n_classes)
        return cls(counts[:n_classes, :n_classes])

    @classmethod
    def from_lists(cls, rows: Sequence[Sequence[int]]) -> "ConfusionMatrix":
        """Reads what `to_lists` wrote."""
        return cls(np.array(rows, dtype=np.int64).reshape(len(rows), -1))

    def to_lists(self) -> list[list[int]]:
        """Rows of plain integers, for JSON."""
        rows: list[list[int]] = self.counts.tolist()
        return rows

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.counts.shape[0])

    @property
    def n(self) -> int:
        """Number of pixels counted."""
        return int(self.counts.sum())

    def __add__(self, other: "ConfusionMatrix") -> "ConfusionMatrix":
        if self.n_classes != other.n_classes:
            raise ClassRangeError(f"matrices of {self.n_classes} and of {other.n_classes} classes do not add up")
        return ConfusionMatrix(self.counts + other.counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfusionMatrix) and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash(self.counts.tobytes())

    def metrics(self) -> Metrics:
        """All scores of this matrix; see `Metrics` for what happens when a denominator is 0."""
        true = self.counts.sum(axis=1)
        scores: dict[str, Any] = {
            name: tuple(values.tolist()) if values.ndim else float(values)
            for name, values in score_arrays(self.counts).items()
        }
        return Metrics(n=int(true.sum()), class_true=tuple(true.tolist()), **scores)


def score_arrays(counts: NDArray[np.integer] | NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """All scores of counts (..., n, n).

    Zero division is as in `Metrics`.

    Returns:
        `accuracy`, and for each of `SCORES` the average weighted by true pixels under its name and the plain one under
        `<score>_macro`, all of shape (...); `f1_ice` (...), the plain average of F1 over all classes but the first,
        which is water; `class_<score>` (..., n). NaN where there is nothing to score.
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    true, pred = counts.sum(axis=-1).astype(np.float64), counts.sum(axis=-2).astype(np.float64)
    n = true.sum(axis=-1)
    seen = (true + pred) > 0  # classes in the truth, in the prediction, or in both
    found = {"accuracy": quotient(hits.sum(axis=-1), n)}
    below = {"precision": pred, "recall": true, "f1": true + pred, "iou": true + pred - hits}
    for name in SCORES:
        above = 2 * hits if name == "f1" else hits
        values = np.divide(above, below[name], out=np.zeros_like(hits), where=below[name] > 0)
        found[name] = quotient((values * true).sum(axis=-1), n)
        found[f"{name}_macro"] = quotient((values * seen).sum(axis=-1), np.where(n > 0, seen.sum(axis=-1), 0))
        found[f"class_{name}"] = np.where(seen, values, np.nan)
        if name == "f1":
            found["f1_ice"] = quotient((values * seen)[..., 1:].sum(axis=-1), seen[..., 1:].sum(axis=-1))
    return found


def r2_array(counts: NDArray[np.integer] | NDArray[np.floating]) -> NDArray[np.float64]:
    """R2 of class numbers of counts (..., n, n), of shape (...): `training.evaluation.metrics.r2` in floating point."""
    counts = counts.astype(np.float64)
    numbers = np.arange(counts.shape[-1], dtype=np.float64)
    true, n = counts.sum(axis=-1), counts.sum(axis=(-2, -1))
    residual = (counts * (numbers[:, None] - numbers[None, :]) ** 2).sum(axis=(-2, -1))
    spread_by_n = n * (true * numbers**2).sum(axis=-1) - (true * numbers).sum(axis=-1) ** 2
    flat = np.where(residual == 0, 1.0, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where((true > 0).sum(axis=-1) > 1, 1 - n * residual / spread_by_n, flat)
    return np.where(n > 0, values, np.nan)


def quotient(above: NDArray[np.floating], below: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float64]:
    """Above by below; NaN where below is 0."""
    found: NDArray[np.float64] = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return found


def _as_bytes(
    true: NDArray[np.integer], pred: NDArray[np.integer], n_classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Labelled pixels of other integers as uint8, flat; raises ClassRangeError where they would not fit."""
    labelled = true != IGNORE
    rows, columns = true[labelled], pred[labelled]
    for name, values in (("true", rows), ("predicted", columns)):
        if values.size:
            _check_range(name, int(values.min()), int(values.max()), n_classes)
    return rows.astype(np.uint8), columns.astype(np.uint8)


def _check_range(name: str, lowest: int, highest: int, n_classes: int) -> None:
    if not 0 <= lowest <= highest < n_classes:
        raise ClassRangeError(
            f"{name} classes run from {lowest} to {highest}: allowed are 0 to {n_classes - 1}, and {IGNORE} in the "
            "truth for no label"
        )
