"""A lake in a few numbers: scenes and classes by split."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, get_args

from datasets.catalog import Catalog
from datasets.labels import CHARTS
from datasets.scene import SceneRecord, Split


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
        parts = [catalog.split(name).records for name in splits]
        rows = [Row("scenes", "", tuple(str(len(part)) for part in parts))]
        for kind, given in (("season", "season"), ("melt season", "cryoseason"), ("location", "location")):
            found = sorted({str(getattr(record, given) or "unknown") for record in catalog})
            rows += [Row(kind, name, tuple(_count(part, given, name) for part in parts)) for name in found]
        for chart in CHARTS.values():
            shares = [_shares(part, chart.name, chart.n_classes) for part in parts]
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


def _count(records: Iterable[SceneRecord], given: str, name: str) -> str:
    return str(sum(str(getattr(record, given) or "unknown") == name for record in records))


def _shares(records: tuple[SceneRecord, ...], chart: str, n_classes: int) -> list[str]:
    total = sum(record.labelled(chart) for record in records)
    counts = [sum(record.pixels[chart].get(value, 0) for record in records) for value in range(n_classes)]
    return [f"{count / total:.1%}" if total else "" for count in counts]
