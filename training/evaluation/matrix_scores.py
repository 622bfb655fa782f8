"""Scores of many confusion matrices at once: the one place where counts become scores.

Counts have shape (..., n, n), row = true class, column = predicted class; scores have the leading shape. They may be
weighted sums of matrices (float), so that a resampled test set is scored like a real one.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SCORES: Final = ("precision", "recall", "f1", "iou")
"""Scores that every class has, and that have a weighted and a macro average."""


def score_arrays(counts: NDArray[np.integer] | NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """All scores of counts (..., n, n).

    Zero division is as in `training.evaluation.confusion.Metrics`.

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
