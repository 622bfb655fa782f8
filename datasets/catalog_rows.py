"""Rows of a catalog by column: half a million scenes are arrays, and a row becomes a `SceneRecord` where one is asked.

A catalog of records has the same columns, so that nobody asks which of both it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from datasets.labels import CHARTS, IGNORE
from datasets.scene import Archive, Product, SceneRecord, Split
from datasets.seasons import CRYOSEASONS, LOCATIONS, SEASONS

if TYPE_CHECKING:
    import pyarrow as pa

CORNERS: Final = ("west", "south", "east", "north")
DROPPED: Final = "dropped_"
IMPLAUSIBLE: Final = "implausible_"
PIXELS: Final = {name: [*range(chart.n_classes), IGNORE] for name, chart in CHARTS.items()}
"""Values that the pixels of each chart have."""

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "archive": get_args(Archive),
    "product": get_args(Product),
    "split": get_args(Split),
    "season": SEASONS,
    "location": LOCATIONS,
    "cryoseason": CRYOSEASONS,
}
"""What the columns may hold by which scenes are chosen."""

FEW_WORDS: Final = (*_WORDS, "provider", "region", "satellite", "unused", "recipe")
"""Columns with the same few words over and over: read as numbers into a list of these."""

_APART: Final = ("bbox", "pixels", "dropped", "implausible")
_TIMES: Final = ("acquired", "stopped")
_CHUNK: Final = 1024
_CHUNKS_KEPT: Final = 8


class Rows(ABC):
    """All scenes of a catalog; what was asked once is kept, since every trial of a study asks the same."""

    def __init__(self) -> None:
        self._masks: dict[tuple[str, str], NDArray[np.bool_]] = {}
        self._pixels: dict[str, NDArray[np.int64]] = {}
        self._labelled: dict[str, NDArray[np.int64]] = {}

    @abstractmethod
    def __len__(self) -> int:
        """How many scenes."""

    @abstractmethod
    def record(self, place: int) -> SceneRecord:
        """One scene."""

    @abstractmethod
    def column(self, name: str, places: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """A plain field of every scene or of some, (scenes,); words are Python's, in an array of objects."""

    @abstractmethod
    def boxes(self) -> NDArray[np.float64]:
        """West, south, east, north of every scene in degrees, (scenes, 4)."""

    @abstractmethod
    def microseconds(self, name: str) -> NDArray[np.int64]:
        """A time of every scene since 1970 in UTC, (scenes,)."""

    @abstractmethod
    def find(self, scene_id: str) -> int:
        """Where a scene is; -1 where it is not."""

    @abstractmethod
    def _is(self, name: str, value: str) -> NDArray[np.bool_]: ...

    @abstractmethod
    def _counts(self, chart: str) -> NDArray[np.int64]: ...

    def mask(self, name: str, value: str) -> NDArray[np.bool_]:
        """Whether a field of words has this value, (scenes,)."""
        if (name, value) not in self._masks:
            self._masks[name, value] = self._is(name, value)
        return self._masks[name, value]

    def pixels(self, chart: str) -> NDArray[np.int64]:
        """Full-resolution pixels of each class, (scenes, classes); 255 is left out."""
        if chart not in self._pixels:
            self._pixels[chart] = self._counts(chart)
        return self._pixels[chart]

    def labelled(self, chart: str) -> NDArray[np.int64]:
        """Full-resolution pixels with a class, (scenes,)."""
        if chart not in self._labelled:
            self._labelled[chart] = self.pixels(chart).sum(axis=1)
        return self._labelled[chart]


class RecordRows(Rows):
    """Rows that are records already."""

    def __init__(self, records: Sequence[SceneRecord]) -> None:
        super().__init__()
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def record(self, place: int) -> SceneRecord:
        """See `Rows`."""
        return self._records[place]

    def column(self, name: str, places: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """See `Rows`."""
        records = self._records if places is None else [self._records[place] for place in places.tolist()]
        values = [getattr(record, name) for record in records]
        if values and isinstance(values[0], int):
            return np.array(values)
        found = np.empty(len(values), object)
        found[:] = values
        return found

    def boxes(self) -> NDArray[np.float64]:
        """See `Rows`."""
        return np.array([record.bbox for record in self._records], np.float64).reshape(-1, len(CORNERS))

    def microseconds(self, name: str) -> NDArray[np.int64]:
        """See `Rows`."""
        times = (getattr(record, name) for record in self._records)
        return np.fromiter((_microseconds(time) for time in times), np.int64, len(self))

    def find(self, scene_id: str) -> int:
        """See `Rows`."""
        return next((place for place, record in enumerate(self._records) if record.scene_id == scene_id), -1)

    def _is(self, name: str, value: str) -> NDArray[np.bool_]:
        return np.array([getattr(record, name) == value for record in self._records], np.bool_)

    def _counts(self, chart: str) -> NDArray[np.int64]:
        values = PIXELS[chart][:-1]
        counts = [[record.pixels[chart].get(value, 0) for value in values] for record in self._records]
        return np.array(counts, np.int64).reshape(-1, len(values))


class TableRows(Rows):
    """Rows of a Parquet file, checked by column; a record is made, and checked once more, where it is asked.

    Raises:
        KeyError: A column is missing.
        ValueError: A column holds what it must not, or is unknown.
    """

    def __init__(self, table: "pa.Table") -> None:
        super().__init__()
        self._table = _checked(table)
        self._made: Callable[[int], list[SceneRecord]] = lru_cache(_CHUNKS_KEPT)(self._make)
        self._make(0, 1)  # a column of values that no record takes is refused at once

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def record(self, place: int) -> SceneRecord:
        """See `Rows`."""
        return self._made(place // _CHUNK)[place % _CHUNK]

    def column(self, name: str, places: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """See `Rows`."""
        column = self._table[name] if places is None else self._table[name].take(places)
        values: NDArray[Any] = column.to_numpy()
        return values

    def boxes(self) -> NDArray[np.float64]:
        """See `Rows`."""
        return np.stack([self._table[corner].to_numpy() for corner in CORNERS], axis=1).astype(np.float64, copy=False)

    def microseconds(self, name: str) -> NDArray[np.int64]:
        """See `Rows`."""
        import pyarrow as pa

        times: NDArray[np.int64] = self._table[name].cast(pa.int64()).to_numpy()
        return times

    def find(self, scene_id: str) -> int:
        """See `Rows`."""
        import pyarrow.compute as pc

        return int(pc.index(self._table["scene_id"], scene_id).as_py())

    def _is(self, name: str, value: str) -> NDArray[np.bool_]:
        import pyarrow.compute as pc

        if name not in self._table.column_names or self._table[name].null_count == len(self):
            return np.zeros(len(self), np.bool_)  # no scene has any: cryoseason of a lake without melt maps
        found: NDArray[np.bool_] = pc.fill_null(pc.equal(self._table[name], value), False).to_numpy()
        return found

    def _counts(self, chart: str) -> NDArray[np.int64]:
        counts = [self._table[f"{chart}_{value}"].to_numpy() for value in PIXELS[chart][:-1]]
        return np.stack(counts, axis=1).astype(np.int64, copy=False)

    def _make(self, chunk: int, count: int = _CHUNK) -> list[SceneRecord]:
        import pyarrow as pa

        some = self._table.slice(chunk * _CHUNK, count)
        rows = some.drop_columns(list(_TIMES)).to_pylist()  # with times it would import pandas
        for name in _TIMES:
            zone = UTC if some.schema.field(name).type.tz else None
            for row, ticks in zip(rows, some[name].cast(pa.int64()).to_pylist(), strict=True):
                row[name] = datetime(1970, 1, 1, tzinfo=zone) + timedelta(microseconds=ticks)
        return [_from_row(row) for row in rows]


def _microseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=time.tzinfo)) // timedelta(microseconds=1)


def to_row(record: SceneRecord) -> dict[str, object]:
    """A scene as plain columns."""
    row = record.model_dump(exclude=set(_APART))
    row |= dict(zip(CORNERS, record.bbox, strict=True))
    for name, values in PIXELS.items():
        counts = record.pixels[name]
        row |= {f"{name}_{value}": counts.get(value, 0) for value in values}
    row |= {f"{DROPPED}{reason}": count for reason, count in sorted(record.dropped.items())}
    return row | {f"{IMPLAUSIBLE}{name}": count for name, count in sorted(record.implausible.items())}


def _from_row(row: dict[str, Any]) -> SceneRecord:
    bbox = tuple(row.pop(corner) for corner in CORNERS)
    pixels = {name: {value: int(row.pop(f"{name}_{value}")) for value in values} for name, values in PIXELS.items()}
    dropped = {key.removeprefix(DROPPED): int(row.pop(key)) for key in list(row) if key.startswith(DROPPED)}
    found = {key.removeprefix(IMPLAUSIBLE): row.pop(key) for key in list(row) if key.startswith(IMPLAUSIBLE)}
    implausible = {name: int(count) for name, count in found.items() if count == count and count is not None}
    plain = {key: None if value != value else value for key, value in row.items()}
    return SceneRecord.model_validate(
        {**plain, "bbox": bbox, "pixels": pixels, "dropped": dropped, "implausible": implausible}
    )


def _checked(table: "pa.Table") -> "pa.Table":
    """The table in order of scene_id and with times that Python has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    fields = {name: each for name, each in SceneRecord.model_fields.items() if name not in _APART}
    counts = [f"{name}_{value}" for name, values in PIXELS.items() for value in values]
    needed = [name for name, each in fields.items() if each.is_required()] + [*CORNERS, *counts]
    if missing := [name for name in needed if name not in table.column_names]:
        raise KeyError(missing[0])
    known = {*fields, *needed}
    for name in table.column_names:
        if name not in known and not name.startswith((DROPPED, IMPLAUSIBLE)):
            raise ValueError(f"column {name!r} is unknown")
    for name in needed:
        if table[name].null_count:
            raise ValueError(f"column {name!r} has {table[name].null_count} rows without a value")
    for name in ("lines", "samples", "orbit", *counts):
        if not pa.types.is_integer(table.schema.field(name).type):
            raise ValueError(f"column {name!r} holds no whole numbers")
    for name, words in _WORDS.items():
        found = pc.unique(table[name]).to_pylist() if name in table.column_names else []
        if strange := [word for word in found if word is not None and word not in words]:
            raise ValueError(f"column {name!r} holds {strange[0]!r}, allowed are {', '.join(words)}")
    for name in _TIMES:
        place = table.column_names.index(name)
        if not pa.types.is_timestamp(table.schema.field(name).type):
            raise ValueError(f"column {name!r} holds no times")
        times = table[name].cast(pa.timestamp("us", tz=table.schema.field(name).type.tz))
        table = table.set_column(place, name, times)
    ids = table["scene_id"]
    if len(ids) > 1 and not pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py():
        table = table.sort_by("scene_id")
    return table.combine_chunks()
