"""`Catalog`: the scenes of a lake as immutable rows, with queries."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datasets.errors import SceneNotFoundError
from datasets.labels import CHARTS, IGNORE
from datasets.scene import SceneRecord, Split
from datasets.seasons import CryoFilter, Location, Season

if TYPE_CHECKING:
    import pandas as pd

_CORNERS = ("west", "south", "east", "north")
_DROPPED = "dropped_"
_IMPLAUSIBLE = "implausible_"


@dataclass(frozen=True)
class Catalog:
    """Rows in order of scene_id; every query gives another catalog."""

    records: tuple[SceneRecord, ...]

    @classmethod
    def of(cls, records: Iterable[SceneRecord]) -> "Catalog":
        """Sorts the rows, so that nothing depends on the order of building or of listing."""
        return cls(tuple(sorted(records, key=lambda record: record.scene_id)))

    def __iter__(self) -> Iterator[SceneRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, scene_id: str) -> SceneRecord:
        for record in self.records:
            if record.scene_id == scene_id:
                return record
        raise SceneNotFoundError(
            f"there is no scene {scene_id!r} among the {len(self)} of the catalog; "
            "list them with `python -m datasets show LAKE`"
        )

    @property
    def scene_ids(self) -> tuple[str, ...]:
        """Ids in order."""
        return tuple(record.scene_id for record in self.records)

    @property
    def synthetic(self) -> bool:
        """Whether any scene is a sample that no satellite saw."""
        return any(record.synthetic for record in self.records)

    def split(self, name: Split) -> "Catalog":
        """Scenes of one split."""
        return Catalog(tuple(record for record in self.records if record.split == name))

    def where(
        self,
        *,
        season: Season | None = None,
        location: Location | None = None,
        cryoseason: CryoFilter | None = None,
    ) -> "Catalog":
        """Scenes for which every given property holds; None means any, cryoseason `known` either of both."""
        rows = [row for row in self.records if cryoseason != "known" or row.cryoseason is not None]
        wanted = {"season": season, "location": location, "cryoseason": None if cryoseason == "known" else cryoseason}
        asked = {name: value for name, value in wanted.items() if value is not None}
        return Catalog(tuple(row for row in rows if all(getattr(row, name) == value for name, value in asked.items())))

    def to_frame(self) -> "pd.DataFrame":
        """One row for each scene with plain columns (`SOD_3` pixels of class 3, `west`, `dropped_no_row`, ...)."""
        import pandas as pd

        return pd.DataFrame([_to_row(record) for record in self.records])

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame") -> "Catalog":
        """Reads what `to_frame` gave; raises KeyError or ValueError if it is something else."""
        return cls.of(_from_row({str(key): value for key, value in row.items()}) for row in frame.to_dict("records"))


def _to_row(record: SceneRecord) -> dict[str, object]:
    row = record.model_dump(exclude={"bbox", "pixels", "dropped", "implausible"})
    row |= dict(zip(_CORNERS, record.bbox, strict=True))
    for name, chart in CHARTS.items():
        counts = record.pixels[name]
        row |= {f"{name}_{value}": counts.get(value, 0) for value in [*range(chart.n_classes), IGNORE]}
    row |= {f"{_DROPPED}{reason}": count for reason, count in sorted(record.dropped.items())}
    return row | {f"{_IMPLAUSIBLE}{name}": count for name, count in sorted(record.implausible.items())}


def _from_row(row: dict[str, Any]) -> SceneRecord:
    import pandas as pd

    bbox = tuple(row.pop(corner) for corner in _CORNERS)
    pixels = {
        name: {value: int(row.pop(f"{name}_{value}")) for value in [*range(chart.n_classes), IGNORE]}
        for name, chart in CHARTS.items()
    }
    dropped = {key.removeprefix(_DROPPED): int(row.pop(key)) for key in list(row) if key.startswith(_DROPPED)}
    found = {key.removeprefix(_IMPLAUSIBLE): row.pop(key) for key in list(row) if key.startswith(_IMPLAUSIBLE)}
    implausible = {name: int(count) for name, count in found.items() if not pd.isna(count)}
    plain = {key: None if pd.isna(value) else value for key, value in row.items()}
    return SceneRecord.model_validate(
        {**plain, "bbox": bbox, "pixels": pixels, "dropped": dropped, "implausible": implausible}
    )
