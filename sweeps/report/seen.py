"""What cells were trained on, and what follows from that alone: a class that training scenes lack is never predicted.

A cell whose network cannot predict a class has a ceiling, which no training can pass. A difference in which the better
cell lies above the ceiling of the worse one is arithmetic: it says what scenes hold, not how a network reads ice.
"""

from dataclasses import replace
from statistics import fmean
from typing import Final

import numpy as np
import pandas as pd

from datasets.labels import CHARTS
from sweeps.report.cells import CellComparison
from sweeps.report.differences import Difference
from sweeps.report.intervals import charts_of
from sweeps.report.labels import Key
from sweeps.report.tables import ReportTable
from sweeps.report.wording import axis_label, cell_label, class_label, key_words, parsed_label, percent
from training.data.scene_set import SceneSet
from training.evaluation.bins import ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metric_names import ICE, MetricName
from training.evaluation.metrics import of_seen

ARITHMETIC: Final = "by arithmetic"
_SCORES: Final = ("f1", "f1_macro", ICE, "accuracy")
"""Scores that have a ceiling here, and a value over seen classes."""


def trained_table(comparison: CellComparison) -> ReportTable | None:
    """Scenes, labels and unseen classes of every cell, with its score over seen classes; None where not on record."""
    metric, rows, numbers = _bounded_metric(comparison), [], []
    for key in comparison.evidence.keys:
        sets = _training_sets(comparison, key)
        if not sets:
            continue
        words = key_words(comparison.evidence.axes, key)
        scenes, labelled = (fmean(getattr(each, name) for each in sets) for name in ("scenes", "labelled"))
        epochs = fmean(t.result.epochs for t in comparison.evidence.trials_of(key) if t.result is not None)
        unseen = unseen_classes(comparison, key)
        values = [
            comparison.spread(key, comparison.objective).mean,
            seen_score(comparison, key),
            ceiling(comparison, key),
        ]
        texts = [percent(value) for value in values] if metric is not None else []
        counts = (
            f"{scenes:.0f}",
            f"{labelled / 1e6:.1f}",
            f"{fmean(each.coverage for each in sets):.0%}",
            f"{epochs:.0f}",
        )
        rows.append((*words, ", ".join(map(class_label, unseen)) or "–", *counts, *texts))
        numbers.append(
            {
                **dict(zip(comparison.evidence.axes, key, strict=True)),
                "unseen": " ".join(unseen),
                "scenes": scenes,
                "labelled": labelled,
                "epochs": epochs,
                **dict(zip(("all", "seen", "ceiling"), values, strict=True)),
            }
        )
    if not rows:
        return None
    scores = ("score over all", "over seen classes", "at most") if metric is not None else ()
    unit = f" {parsed_label(metric)} [%]" if metric is not None else ""
    axes = comparison.evidence.axes
    head = ("never seen in training", "training scenes", "labelled [M of 40 m]", "of ice", "epochs", *scores)
    return ReportTable(
        name="trained_on",
        title=f"{comparison.evidence.study.study}: what cells were trained on.{unit}",
        header=(*map(axis_label, axes), *head),
        rows=tuple(rows),
        words=len(axes) + 1,
        numbers=pd.DataFrame(numbers),
        note="Of ice: the share of ice pixels that have a label; the others are not trained on. At most: the "
        "score of a network that is right in every pixel of the classes that it has seen.",
    )


def with_unseen(table: ReportTable, comparison: CellComparison) -> ReportTable:
    """The table with a note on what cells could not learn, and on what share of the ice is scored."""
    said = unseen_sentences(comparison)
    return replace(table, note=" ".join([*filter(None, [table.note]), *said])) if said else table


def unseen_sentences(comparison: CellComparison) -> list[str]:
    """`Never seen in training: summer: new ice, young ice.`, and the coverage of test labels."""
    found: dict[str, list[str]] = {}
    for key in comparison.evidence.keys:
        if words := ", ".join(map(class_label, unseen_classes(comparison, key))):
            found.setdefault(words, []).append(cell_label(comparison.evidence.axes, key))
    said = [f"{words} ({', '.join(dict.fromkeys(cells))})" for words, cells in found.items()]
    sentences = [f"Never seen in training, so never predicted: {'; '.join(said)}."] if said else []
    results = (trial.result for trial in comparison.evidence.finished if trial.result is not None)
    tested = next((result.tested_on for result in results if result.tested_on is not None), None)
    if tested is not None and tested.ice:
        sentences.append(f"Of the ice of the test scenes {tested.coverage:.0%} has a label; the rest is not scored.")
    return sentences


def is_arithmetic(comparison: CellComparison, difference: Difference) -> bool:
    """Whether no network of the worse cell could have reached what the better one has."""
    comparison = next((by for by in comparison.both if by.objective == difference.objective), comparison)
    worse, better = (
        (difference.key, difference.against) if difference.value < 0 else (difference.against, difference.key)
    )
    return ceiling(comparison, worse) < comparison.spread(better, comparison.objective).mean


def unseen_classes(comparison: CellComparison, key: Key) -> tuple[str, ...]:
    """Classes of the objective's chart that no trial of a cell has seen in training."""
    chart = _chart(comparison, key)
    absent = [set(each.absent.get(chart, ())) for each in _training_sets(comparison, key)]
    unseen = set.intersection(*absent) if absent else set()
    return tuple(name for name in CHARTS[chart].classes if name in unseen) if unseen else ()


def ceiling(comparison: CellComparison, key: Key) -> float:
    """The most that the objective can be where classes were never seen; NaN where that is not known.

    All pixels of seen classes right, and none of the others: for weighted F1 and accuracy the share of their pixels,
    for macro F1 the share of the classes (of ice) that the test scenes have.
    """
    metric, unseen, matrices = _bounded_metric(comparison), unseen_classes(comparison, key), _matrices(comparison, key)
    if metric is None or not matrices:
        return float("nan")
    true = matrices[0].counts.sum(axis=1)
    known = np.array([name not in unseen for name in CHARTS[_chart(comparison, key)].classes])
    weights = true if metric.score in ("f1", "accuracy") else (true > 0).astype(float)
    if metric.score == ICE:
        weights[0] = 0.0
    return float(weights[known].sum() / weights.sum()) if weights.sum() else float("nan")


def seen_score(comparison: CellComparison, key: Key) -> float:
    """The objective over the pixels whose true class was seen in training, averaged over seeds."""
    metric, unseen, matrices = _bounded_metric(comparison), unseen_classes(comparison, key), _matrices(comparison, key)
    if metric is None or not matrices:
        return float("nan")
    chart = CHARTS[_chart(comparison, key)]
    return fmean(getattr(of_seen(matrix, chart, unseen).metrics(), metric.score) for matrix in matrices)


def _bounded_metric(comparison: CellComparison) -> MetricName | None:
    """The objective, where it is a score that has a ceiling."""
    metric = comparison.metric
    return metric if metric is not None and metric.score in _SCORES and metric.class_name is None else None


def _training_sets(comparison: CellComparison, key: Key) -> list[SceneSet]:
    results = (trial.result for trial in comparison.evidence.trials_of(key) if trial.result is not None)
    return [result.trained_on for result in results if result.trained_on is not None]


def _chart(comparison: CellComparison, key: Key) -> str:
    """Chart of the objective."""
    metric = comparison.metric
    named = [charts_of(trial, metric) for trial in comparison.evidence.trials_of(key)] if metric is not None else []
    return next((charts[0] for charts in named if charts), "SOD")


def _matrices(comparison: CellComparison, key: Key) -> list[ConfusionMatrix]:
    """Of each trial, over all test scenes, where the objective comes from."""
    metric, found = comparison.metric, []
    for trial in comparison.evidence.trials_of(key):
        if trial.result is not None and metric is not None and (charts := charts_of(trial, metric)):
            found.append(trial.result.matrices.get(ScoreKey(metric.grid, charts[0])))
    return [ConfusionMatrix.from_lists(rows) for rows in found if rows is not None]
