"""Names of axes, values and metrics as a reader should see them, with units."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from datasets.grids import pixel_spacing
from datasets.labels import CHARTS
from sweeps.design.axes import FACTOR, VALUE, is_number
from training.evaluation.metric_names import (
    ICE,
    MAJORITY,
    TERM,
    MetricName,
    class_key,
    grid_label,
    parse_metric,
    split_grid,
)
from training.spec.data import TASKS, task_word

TASK_AXES: Final = ("task", "data.task")
"""Names under which a study may have the task as an axis."""

_AXES: Final[Mapping[str, str]] = {
    "task": "task",
    "data.task": "task",
    "data.ratio": "ratio (spacing)",
    "data.patch_size": "patch size [pixels]",
    "data.stride": "stride [pixels]",
    "data.border_distance": "distance to polygon border [m]",
    "data.max_land": "largest share of land",
    "data.max_masked": "largest unlabelled share",
    "data.train.season": "trained on season",
    "data.train.location": "trained on location",
    "data.train.cryoseason": "trained on cryoseason",
    "model.name": "network",
    "model": "network",
    "optimizer.lr": "learning rate",
    "optimizer.name": "optimizer",
    "optimizer.schedule": "schedule",
    "loss.name": "loss",
    "loop.batch_size": "batch size [patches]",
    "lr": "learning rate",
}
_SCORES: Final[Mapping[str, str]] = {
    "f1": "weighted F1",
    "f1_macro": "macro F1",
    ICE: "macro F1 over ice",
    "precision": "weighted precision",
    "precision_macro": "macro precision",
    "recall": "weighted recall",
    "recall_macro": "macro recall",
    "iou": "weighted IoU",
    "iou_macro": "macro IoU",
    "accuracy": "accuracy",
    "r2": "R²",
    "autoice": "AutoICE score",
    "f1_seen": "weighted F1 over classes seen in training",
    "f1_macro_seen": "macro F1 over classes seen in training",
    MAJORITY: "weighted F1 of the majority class",
}
_OTHERS: Final[Mapping[str, str]] = {
    "best/val_loss": "val loss of the kept epoch",
    "best/val_f1": "val weighted F1 of the kept epoch",
    "cost/seconds": "wall time [s]",
}
_CLASS_SCORES: Final[Mapping[str, str]] = {"f1": "F1", "iou": "IoU"}
_MOST_DIGITS: Final = 8
"""After the point; what is smaller is written with an exponent."""
_NONE: Final = frozenset({"", "None", "none", "null"})
_BARE: Final = _NONE | {"True", "False"}
"""Values that say nothing without the name of their axis."""


def axis_label(axis: str) -> str:
    """Axis name for readers, with its unit: `data.ratio` -> `ratio (spacing)`."""
    return _AXES.get(axis, axis.rpartition(".")[2].replace("_", " "))


def axis_value(axis: str, value: str) -> str:
    """Axis value for readers; a ratio always with its metres, since ratios of other papers start from 80 m."""
    if value == "":
        return "–"
    if axis == "data.ratio" and value.isdigit() and int(value) > 0:
        return f"{value} ({pixel_spacing(int(value))} m)"
    if axis in TASK_AXES:
        return task_label(value)
    if axis.endswith((".season", ".location", ".cryoseason")) and value in _NONE:
        return "all"
    return value


def task_label(task: str) -> str:
    """`pixel` -> `pixel-based`, and so the words of earlier programs."""
    word = task_word(task)
    return f"{word}-based" if word in TASKS else word


def key_words(axes: Sequence[str], key: Sequence[str]) -> tuple[str, ...]:
    """The values of a cell for readers; of the axes `factor` and `value` the second is read as a value of the first."""
    factor = key[axes.index(FACTOR)] if FACTOR in axes else ""
    return tuple(
        short_label(value)
        if axis == FACTOR and value
        else axis_value(factor if axis == VALUE and factor else axis, value)
        for axis, value in zip(axes, key, strict=True)
    )


def cell_label(axes: Sequence[str], key: Sequence[str], skip: Sequence[str] = ()) -> str:
    """One cell in words: the values of its axes, but those to skip; bare numbers with the names of their axes."""
    said: list[str] = []
    for axis, value, word in zip(axes, key, key_words(axes, key), strict=True):
        if value == "" or axis in skip:
            continue
        if axis == VALUE and FACTOR in axes and said:
            said[-1] += f" {word}" if word != said[-1] else ""  # the trial without a change is `base` in both
        else:
            bare = axis != FACTOR and (is_number(value) or value in _BARE)
            said.append(f"{short_label(axis)} {word}" if bare else word)
    return ", ".join(said) or "all trials"


def short_label(axis: str) -> str:
    """Axis name without its unit, to stand before a value: `patch size`."""
    return re.split(r" [(\[]", axis_label(axis))[0]


def score_label(score: str) -> str:
    """`f1_macro` -> `macro F1`."""
    return _SCORES.get(score, score.replace("_", " "))


def metric_label(name: str) -> str:
    """`test_80m/winter/f1` -> `weighted F1, winter, 80 m grid`."""
    grid, rest = split_grid(name) or ("", "")
    if rest == MAJORITY:
        return f"majority class, {grid_label(grid)}"
    parsed = parse_metric(name)
    if parsed is None:
        chart, score = rest.removeprefix(TERM).partition("_")[::2] if rest.startswith(TERM) else ("", "")
        return f"{chart.upper()} {score_label(score)}, {grid_label(grid)}" if chart else _OTHERS.get(name, name)
    return parsed_label(parsed)


def parsed_label(metric: MetricName) -> str:
    """As `metric_label`, of a name that was read."""
    if metric.class_name:
        score = f"{_CLASS_SCORES.get(metric.score, metric.score)} of {class_label(metric.class_name)}"
    else:
        score = score_label(metric.score)
    return ", ".join(part for part in (metric.chart, score, metric.bin, grid_label(metric.grid)) if part)


def class_label(name: str) -> str:
    """`thick_first_year_ice` -> `thick first year ice`; `10_percent` -> `10 %`."""
    return name.replace("_percent", " %").replace("_", " ")


def chart_classes(chart: str) -> tuple[str, ...]:
    """Classes of a chart as they are spelt in metrics."""
    return tuple(map(class_key, CHARTS[chart].classes))


def metric_heading(name: str) -> str:
    """As `metric_label`, with its unit, for a column or an axis: `weighted F1, 80 m grid [%]`."""
    return f"{metric_label(name)}{' [%]' if is_share(name) else ''}"


def is_share(name: str) -> bool:
    """Whether a metric is a share of 1, which readers get in percent; R2 is, too, at its best."""
    return parse_metric(name) is not None or name.endswith(f"/{MAJORITY}") or f"/{TERM}" in name


def percent(value: float, spread: float | None = None) -> str:
    """`0.8123` -> `81.2`, `81.2 ± 0.4` with a spread; a dash for NaN."""
    return _with_spread(f"{100 * value:.1f}", "" if spread is None else f"{100 * spread:.1f}")


def number(value: float, spread: float | None = None) -> str:
    """Three digits, for what is no share."""
    return _with_spread(f"{value:.3g}", "" if spread is None else f"{spread:.2g}")


def told(name: str, *values: float, signed: bool = False) -> tuple[str, ...]:
    """Values of a metric with as many digits that none reads as 0 which is not: `-5.5` and `-0.003`, never `-0.0`.

    So what is written about an interval that ends near 0 agrees with what it is read as. A dash for NaN.
    """
    factor = 100.0 if is_share(name) else 1.0
    known = [abs(factor * value) for value in values if value == value]
    smallest = min((value for value in known if value), default=1.0)
    digits = next((digits for digits in range(1, _MOST_DIGITS) if round(smallest, digits)), None)

    def text(value: float) -> str:
        if value != value:
            return "–"
        size = abs(factor * value)
        written = f"{size:.1e}" if digits is None else f"{size:.{digits}f}" if factor == 100.0 else f"{size:.3g}"
        sign = "−" if value < 0 else "+" if signed and value > 0 else ""
        return f"{sign}{written}"

    return tuple(map(text, values))


def _with_spread(value: str, spread: str) -> str:
    if value == "nan":
        return "–"
    return value if spread in ("", "nan") else f"{value} ± {spread}"
