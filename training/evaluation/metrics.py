"""Scores from confusion matrices: R2 of concentrations, the AutoICE score, and every score by its tracker's name.

A score is taken once, from the matrix of all pixels it speaks of; nothing is averaged over batches or scenes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from datasets.errors import SplitError
from datasets.labels import Chart, chart
from training.evaluation.bins import ALL, ScoreKey
from training.evaluation.confusion import SCORES, ConfusionMatrix
from training.evaluation.metric_names import ICE, MAJORITY, SEEN, SEEN_SCORES, MetricName, class_key

AUTOICE_WEIGHTS: Final = {"SIC": 2, "SOD": 2, "FLOE": 1}
"""Weights of the charts in the AutoICE score (starter kit of the challenge)."""


def r2(matrix: ConfusionMatrix) -> float:
    """Coefficient of determination R2 of the class numbers of all pixels, exactly.

    For SIC the class numbers are tenths, and R2 does not change with the unit. With a truth of one class alone it is 1
    where all is right and else 0 (as in scikit-learn); NaN without any pixel.
    """
    counts = matrix.counts.astype(object)  # whole numbers without end: 1e9 pixels times 1e2 times 1e9 pass int64
    numbers = np.arange(matrix.n_classes).astype(object)
    n, true = counts.sum(), counts.sum(axis=1)
    if n == 0:
        return float("nan")
    residual = (counts * (numbers[:, None] - numbers[None, :]) ** 2).sum()
    spread_by_n = n * (true * numbers**2).sum() - (true * numbers).sum() ** 2
    if spread_by_n == 0:
        return 1.0 if residual == 0 else 0.0
    return float(1 - n * residual / spread_by_n)


def autoice_term(name: str, matrix: ConfusionMatrix) -> float:
    """What a chart brings into the AutoICE score, at most 1: R2 for SIC, weighted F1 for SOD and FLOE."""
    return r2(matrix) if name == "SIC" else matrix.metrics().f1


def combined_score(matrices: Mapping[str, ConfusionMatrix]) -> float:
    """AutoICE score of all charts together, at most 1: (2 SIC R2 + 2 SOD F1 + 1 FLOE F1) / 5.

    With fewer charts it is their mean with the same weights, so that trials of any targets can be stopped by it; charts
    without a labelled pixel are left out likewise. The challenge reports it times 100.
    `matrices` are of all pixels, by chart name; without any labelled pixel the score is NaN.
    """
    terms = {name: autoice_term(name, matrix) for name, matrix in matrices.items() if matrix.n}
    weight = sum(AUTOICE_WEIGHTS[name] for name in terms)
    return sum(AUTOICE_WEIGHTS[name] * term for name, term in terms.items()) / weight if terms else float("nan")


def metrics_of(
    sums: Mapping[ScoreKey, ConfusionMatrix],
    targets: Sequence[str],
    unseen: Mapping[str, Sequence[str]] | None = None,
    *,
    terms: bool = False,
) -> dict[str, float]:
    """Scores by the names of the tracker.

    Those of the first target are `test/f1`, `test/class/old_ice/f1`, `test/winter/f1`, `test_80m/f1`; those of every
    other one have its name in them, `test/FLOE/f1`. SIC has `r2` too. With all three charts there is `test/autoice`,
    and its terms `test/autoice_sic_r2`, `test/autoice_sod_f1`, `test/autoice_floe_f1`; with `terms` those of the charts
    that there are.

    Where classes of a chart are `unseen` (by name), `f1_seen` and `f1_macro_seen` score the pixels of all others.

    Scenes have rows of their own (`result.scene_rows`) and no metrics here. What has no value (a bin without
    labelled pixels, a class in neither truth nor prediction) is left out.

    Raises:
        SplitError: A grid has no labelled pixel of the first target.
    """
    found: dict[str, float] = {}
    whole: dict[str, dict[str, ConfusionMatrix]] = {}
    for key, matrix in sums.items():
        named = None if key.chart == targets[0] else key.chart
        if key.bin.kind == ALL:
            if named is None and matrix.n == 0:
                raise SplitError(
                    f"no test scene has a pixel labelled in {key.chart} on the grid {key.grid!r}: choose other test "
                    "scenes"
                )
            whole.setdefault(key.grid, {})[key.chart] = matrix
            for (class_name, score), value in _whole_scores(matrix, chart(key.chart)).items():
                found[str(MetricName(grid=key.grid, chart=named, class_name=class_name, score=score))] = value
            if words := (unseen or {}).get(key.chart):
                known = of_seen(matrix, chart(key.chart), words).metrics()
                for score in SEEN_SCORES:
                    value = getattr(known, score.removesuffix(SEEN))
                    found[str(MetricName(grid=key.grid, chart=named, score=score))] = value
        elif key.bin.is_group:
            for score, value in _bin_scores(matrix, key.chart).items():
                found[str(MetricName(grid=key.grid, chart=named, bin=key.bin.value, score=score))] = value
    for grid, matrices in whole.items():
        combined = matrices.keys() == AUTOICE_WEIGHTS.keys() and all(matrix.n for matrix in matrices.values())
        if combined:
            found[str(MetricName(grid=grid, score="autoice"))] = combined_score(matrices)
        if combined or terms:
            for name, matrix in matrices.items():
                term = f"autoice_{name.lower()}_{'r2' if name == 'SIC' else 'f1'}"
                found[str(MetricName(grid=grid, score=term))] = autoice_term(name, matrix)
    return {name: value for name, value in found.items() if not np.isnan(value)}


def majority(matrix: ConfusionMatrix) -> ConfusionMatrix:
    """What a network that always says the most common true class would have got: the score to beat."""
    true = matrix.counts.sum(axis=1)
    counts = np.zeros_like(matrix.counts)
    counts[:, int(true.argmax())] = true
    return ConfusionMatrix(counts)


def of_seen(matrix: ConfusionMatrix, target: Chart, unseen: Sequence[str]) -> ConfusionMatrix:
    """The pixels whose true class was seen in training: all that a network can be asked for."""
    counts = matrix.counts.copy()
    counts[[target.classes.index(name) for name in unseen]] = 0
    return ConfusionMatrix(counts)


def _whole_scores(matrix: ConfusionMatrix, target: Chart) -> dict[tuple[str | None, str], float]:
    """By class (None: of all classes) and score."""
    scores = matrix.metrics()
    found: dict[tuple[str | None, str], float] = {
        (None, "accuracy"): scores.accuracy,
        (None, ICE): scores.f1_ice,
        (None, MAJORITY): majority(matrix).metrics().f1,
    }
    for score in sorted(SCORES):
        found[None, score] = getattr(scores, score)
        found[None, f"{score}_macro"] = getattr(scores, f"{score}_macro")
        for class_name, value in zip(target.classes, getattr(scores, f"class_{score}"), strict=True):
            found[class_key(class_name), score] = value
    if target.name == "SIC":  # its class numbers are amounts
        found[None, "r2"] = r2(matrix)
    return found


def _bin_scores(matrix: ConfusionMatrix, name: str) -> dict[str, float]:
    scores = matrix.metrics()
    found = {"f1": scores.f1, "f1_macro": scores.f1_macro, ICE: scores.f1_ice, "accuracy": scores.accuracy}
    return found | ({"r2": r2(matrix)} if name == "SIC" else {})
