"""Confusion matrices that add up, and every score that follows from one.

A matrix over a batch, a scene or a season is a sum of pixel counts; scores are taken once, from the sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import IceBenchError
from datasets.labels import IGNORE
from training.evaluation.matrix_scores import score_arrays

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
