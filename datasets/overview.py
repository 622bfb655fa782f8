"""A lake in a few numbers: scenes and classes by split."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple, get_args

from datasets.catalog import Catalog
from datasets.labels import CHARTS
from datasets.scene import Split


class Row(NamedTuple):
    """One line of the overview.

    Attributes:
        kind: What is counted: `season`, `location`, `SOD`, ...
        name: Which of them.
        values: One for each split: scenes, or the share of the labelled pixels.
    """

    kind: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Numbers of a catalog.

    Attributes:
        splits: Those that have scenes.
        rows: Scenes by season, melt season and location, then classes.
    """

    splits: tuple[Split, ...]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, catalog: Catalog) -> "Overview":
        """Counts scenes and pixels."""
        splits = tuple(name for name in get_args(Split) if len(catalog.split(name)))
        parts = [catalog.split(name) for name in splits]
        rows = [Row("scenes", "", tuple(str(len(part)) for part in parts))]
        for kind, given in (("season", "season"), ("melt season", "cryoseason"), ("location", "location")):
            counts = [Counter(word or "unknown" for word in part.column(given).tolist()) for part in parts]
            found = sorted(set().union(*counts))
            rows += [Row(kind, name, tuple(str(count[name]) for count in counts)) for name in found]
        for chart in CHARTS.values():
            shares = [_shares(part, chart.name) for part in parts]
            rows += [
                Row(chart.name, name, tuple(share[value] for share in shares))
                for value, name in enumerate(chart.classes)
            ]
        return cls(splits=splits, rows=tuple(rows))


def in_words(size: int) -> str:
    """`3.4 GB`, with decimal units."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if value >= 100 or units[0] == "B" else f"{value:.1f} {units[0]}"


def _shares(scenes: Catalog, chart: str) -> list[str]:
    counts = scenes.pixels(chart).sum(axis=0).tolist()
    return [f"{count / total:.1%}" if (total := sum(counts)) else "" for count in counts]
