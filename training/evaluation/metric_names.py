"""What a metric's name says, read back: the other way round of `training.evaluation.metrics.metrics_of`."""

from dataclasses import dataclass
from typing import Final

from datasets.labels import CHARTS
from training.evaluation.matrix_scores import SCORES

_GRID: Final = "test"
_AVERAGES: Final = frozenset({"accuracy", "r2", "autoice", *SCORES, *(f"{score}_macro" for score in SCORES)})


@dataclass(frozen=True, kw_only=True)
class MetricName:
    """A score of test scenes.

    Attributes:
        grid: `test`, `test_80m`, `test_patches`.
        chart: Of the classes; None is the first target of the trial, and all three for `autoice`.
        bin: `winter`, `cat1`, `melt`; None is all test scenes.
        class_name: Of a score of one class, as in the metric (`10_percent`); None is an average over classes.
        score: `f1`, `f1_macro`, `accuracy`, `r2`, `autoice`, ...
    """

    grid: str
    chart: str | None = None
    bin: str | None = None
    class_name: str | None = None
    score: str

    def __str__(self) -> str:
        parts = (self.grid, self.chart, self.bin, self.class_name and f"class/{self.class_name}", self.score)
        return "/".join(part for part in parts if part)


def parse_metric(name: str) -> MetricName | None:
    """Reads `test_80m/f1`, `test/FLOE/winter/f1_macro`, `test/class/old_ice/f1`; None for what matrices do not give."""
    grid, *parts = name.split("/")
    if not parts or not (grid == _GRID or grid.startswith(f"{_GRID}_")):
        return None
    chart = parts.pop(0) if parts[0] in CHARTS else None
    match parts:
        case [score] if score in _AVERAGES:
            return MetricName(grid=grid, chart=chart, score=score)
        case [bin_name, score] if score in _AVERAGES:
            return MetricName(grid=grid, chart=chart, bin=bin_name, score=score)
        case ["class", class_name, score] if score in SCORES:
            return MetricName(grid=grid, chart=chart, class_name=class_name, score=score)
    return None
