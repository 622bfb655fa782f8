"""Names of test scores, as trackers and tables have them: the one place that writes and reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from datasets.labels import CHARTS
from training.evaluation.bins import OWN_GRID, PATCHES, fixed_grid
from training.evaluation.confusion import SCORES

MAJORITY: Final = "majority_f1"
"""Weighted F1 of always saying the most common true class."""
ICE: Final = "f1_ice"
"""Macro F1 over the classes of ice: what rare ice types weigh in as much as common ones, and water not at all."""
TERM: Final = "autoice_"
"""How the terms of the AutoICE score begin: `autoice_sod_f1`."""
SEEN: Final = "_seen"
SEEN_SCORES: Final = (f"f1{SEEN}", f"f1_macro{SEEN}")
"""F1 over the pixels of the classes that training scenes have; only where some class is missing in these."""
_GRIDS: Final[Mapping[str, str]] = {OWN_GRID: "own grid", PATCHES: "pure patches"}
_AVERAGES: Final = frozenset(
    {"accuracy", "r2", "autoice", ICE, *SEEN_SCORES, *SCORES, *(f"{score}_macro" for score in SCORES)}
)


@dataclass(frozen=True, kw_only=True)
class MetricName:
    """A score (`f1`, `r2`, `autoice`) of test scenes on a grid (`test`, `test_80m`, `test_patches`).

    Attributes:
        chart: Of the classes; None is the first target of the trial, and all three for `autoice`.
        bin: `winter`, `cat1`, `melt`; None is all test scenes.
        class_name: Of a score of one class, as in the metric (`10_percent`); None is an average over classes.
    """

    grid: str
    chart: str | None = None
    bin: str | None = None
    class_name: str | None = None
    score: str

    def __str__(self) -> str:
        parts = (self.grid, self.chart, self.bin, self.class_name and f"class/{self.class_name}", self.score)
        return "/".join(part for part in parts if part)


USUAL_SCORES: Final = tuple(str(MetricName(grid=grid, score="f1")) for grid in (fixed_grid(2), OWN_GRID))
"""What trials are compared by where nothing else is said: the first of these that they have."""


def grid_label(grid: str) -> str:
    """`test_80m` -> `80 m grid`."""
    plain, marked, share = grid.partition("_d")
    label = _GRIDS.get(plain, f"{plain.removeprefix('test_').removesuffix('m')} m grid")
    return f"{label}, dominance {float(share) / 100:g}" if marked else label


def parse_metric(name: str) -> MetricName | None:
    """Reads `test_80m/f1`, `test/FLOE/winter/f1_macro`, `test/class/old_ice/f1`; None for what matrices do not give."""
    grid, *parts = name.split("/")
    if not parts or not _is_grid(grid):
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


def split_grid(name: str) -> tuple[str, str] | None:
    """Grid and the rest of any metric of test scenes: `test_80m/majority_f1`; None for other metrics."""
    grid, _, rest = name.partition("/")
    return (grid, rest) if rest and _is_grid(grid) else None


def grids_in(names: Iterable[str]) -> list[str]:
    """Grids of metrics, by name."""
    return sorted({found[0] for found in map(split_grid, names) if found is not None})


def class_key(class_name: str) -> str:
    """Class name as a tracker's key: `10%` is no key everywhere."""
    return class_name.replace("%", "_percent")


def _is_grid(text: str) -> bool:
    return text == OWN_GRID or text.startswith(f"{OWN_GRID}_")
