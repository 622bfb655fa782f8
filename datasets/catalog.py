"""`Catalog`: the scenes of a lake as immutable rows, with queries."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datasets.catalog_rows import RecordRows, Rows, to_row
from datasets.errors import SceneNotFoundError
from datasets.scene import FIRST_SYNTHETIC_ORBIT, SceneRecord, Split
from datasets.seasons import CRYOSEASONS, CryoFilter, Location, Season

if TYPE_CHECKING:
    import pandas as pd


class Catalog:
    """Rows in order of scene_id; every query gives another catalog, which shares them.

    One scene costs a few hundred bytes in columns, and some thousand as a record: what looks at all scenes of a large
    lake should ask for columns (`column`, `labelled`, `pixels`), not iterate.
    """

    def __init__(
        self, records: Sequence[SceneRecord] = (), *, rows: Rows | None = None, places: NDArray[np.intp] | None = None
    ) -> None:
        """Of these records, in their order; `rows` and `places` (which of them) are of the catalog's own queries."""
        self._rows = RecordRows(records) if rows is None else rows
        self._places = places  # None: all

    @classmethod
    def of(cls, records: Iterable[SceneRecord]) -> "Catalog":
        """Sorts the rows, so that nothing depends on the order of building or of listing."""
        return cls(tuple(sorted(records, key=lambda record: record.scene_id)))

    def __iter__(self) -> Iterator[SceneRecord]:
        return map(self._rows.record, range(len(self._rows)) if self._places is None else self._places.tolist())

    def __len__(self) -> int:
        return len(self._rows) if self._places is None else len(self._places)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalog) and len(self) == len(other) and all(map(SceneRecord.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return (Catalog, (self.records,))

    def __getitem__(self, scene_id: str) -> SceneRecord:
        place = self._rows.find(scene_id)
        if place < 0 or (self._places is not None and place not in self._places):
            # Of the same day, or of another at the same second: a large catalog is not compared letter by letter.
            alike = [each for each in self.scene_ids if each[:8] == scene_id[:8] or each[9:] == scene_id[9:]]
            near = get_close_matches(scene_id, alike, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SceneNotFoundError(
                f"there is no scene {scene_id!r} among the {len(self)} of the catalog: "
                f"list them with `python -m datasets show LAKE`{hint}"
            )
        return self._rows.record(place)

    def at(self, place: int) -> SceneRecord:
        """The row at a place."""
        return self._rows.record(place if self._places is None else int(self._places[place]))

    @property
    def records(self) -> tuple[SceneRecord, ...]:
        """All rows as records."""
        return tuple(self)

    @property
    def scene_ids(self) -> tuple[str, ...]:
        """Ids in order."""
        return tuple(self.column("scene_id").tolist())

    @property
    def synthetic(self) -> bool:
        """Whether any scene is a sample that no satellite saw."""
        return bool((self.column("orbit") >= FIRST_SYNTHETIC_ORBIT).any())

    def take(self, places: ArrayLike) -> "Catalog":
        """The rows at these places of this catalog, or those where a mask is true; in the order of this catalog."""
        wanted = np.asarray(places)
        wanted = np.flatnonzero(wanted) if wanted.dtype == np.bool_ else np.sort(wanted.astype(np.intp))
        return Catalog(rows=self._rows, places=wanted if self._places is None else self._places[wanted])

    def without(self, others: "Catalog") -> "Catalog":
        """The rows that are not in another query of the same catalog."""
        assert others._rows is self._rows
        left = np.ones(len(self._rows), np.bool_)
        left[slice(None) if others._places is None else others._places] = False
        return self.take(self._mine(left))

    def split(self, name: Split) -> "Catalog":
        """Scenes of one split."""
        return self.take(self.having("split", name))

    def where(
        self,
        *,
        season: Season | None = None,
        location: Location | None = None,
        cryoseason: CryoFilter | None = None,
    ) -> "Catalog":
        """Scenes for which every given property holds; None means any, cryoseason `known` either of both."""
        wanted = {"season": season, "location": location, "cryoseason": cryoseason}
        found = self
        for name, value in wanted.items():
            if value == "known":
                found = found.take(np.logical_or.reduce([found.having(name, each) for each in CRYOSEASONS]))
            elif value is not None:
                found = found.take(found.having(name, value))
        return found

    def having(self, name: str, value: str) -> NDArray[np.bool_]:
        """Whether a field of words has this value, (scenes,)."""
        return self._mine(self._rows.mask(name, value))

    def column(self, name: str) -> NDArray[Any]:
        """A plain field of every scene, (scenes,): numbers, or words in an array of objects."""
        return self._rows.column(name, self._places)

    def boxes(self) -> NDArray[np.float64]:
        """West, south, east, north of every scene in degrees, (scenes, 4)."""
        return self._mine(self._rows.boxes())

    def microseconds(self, name: str) -> NDArray[np.int64]:
        """A time of every scene, `acquired` or `stopped`, since 1970 in UTC, (scenes,)."""
        return self._mine(self._rows.microseconds(name))

    def pixels(self, chart: str) -> NDArray[np.int64]:
        """Full-resolution pixels of each class, (scenes, classes), those without a label left out."""
        return self._mine(self._rows.pixels(chart))

    def labelled(self, chart: str) -> NDArray[np.int64]:
        """Full-resolution pixels with a class in this chart, (scenes,)."""
        return self._mine(self._rows.labelled(chart))

    def to_frame(self) -> "pd.DataFrame":
        """One row for each scene with plain columns (`SOD_3` pixels of class 3, `west`, `dropped_no_row`, ...)."""
        import pandas as pd

        return pd.DataFrame([to_row(record) for record in self])

    def _mine(self, values: NDArray[Any]) -> NDArray[Any]:
        return values if self._places is None else values[self._places]
