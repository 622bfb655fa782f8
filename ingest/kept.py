"""What a build need not look at: scenes of which the catalog says all that there is to know.

A build writes into the catalog that its rows are what the stores say (`Lake.is_settled`), and whoever is about to
change a store of such a scene says so first. Then file name, recipe and archive decide by the row whether a scene is
finished, and one listing says that its store is still there. A scene that was finished after the catalog is not in it:
its store is opened, like any that the catalog does not know.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import overload

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.scene import Archive, SceneRecord
from datasets.storage import exists
from ingest.found_stores import root_documents
from ingest.recipe import Recipe
from ingest.source import is_scene_name, reference_path, scene_id_of
from ingest.stream.origins import SceneFile


@dataclass(frozen=True)
class KnownScenes:
    """Rows that are to be believed, none where the catalog is not settled; and the ids that the listing shows."""

    settled: bool
    catalog: Catalog
    there: frozenset[str]
    places: Mapping[str, int] = field(repr=False)

    @classmethod
    def of(cls, lake: Lake) -> "KnownScenes":
        """Reads the catalog and lists the scenes, unless stores have to be opened anyway."""
        if lake.shown() is not lake or not lake.is_settled():
            return cls(False, Catalog(), frozenset(), {})
        catalog = lake.catalog()
        places = {scene_id: place for place, scene_id in enumerate(catalog.scene_ids)}
        return cls(True, catalog, root_documents(lake), places)

    def kept(
        self, sources: Iterable[str], recipe: Recipe, archive: Archive, fetched: Mapping[str, SceneFile]
    ) -> dict[str, int]:
        """Place in the catalog of each file whose scene is finished: what `convert.kept_scene` finds in the store."""
        if not self.settled:
            return {}
        names, charted = self.catalog.column("source"), self.catalog.column("charted")
        same = self.catalog.having("recipe", recipe.digest) & self.catalog.having("archive", archive)
        found = {}
        for path in filter(is_scene_name, sources):
            scene_id = scene_id_of(path)
            place = self.places.get(scene_id, -1)
            if (
                place >= 0
                and same[place]
                and names[place] == PurePosixPath(path).name
                and scene_id in self.there
                and (charted[place] or not _charts_at_hand(path, fetched.get(path)))
            ):
                found[path] = place
        return found

    def change(self, sources: Iterable[str]) -> bool:
        """Whether building these files changes the store of a scene that the catalog has."""
        return any(scene_id_of(path) in self.places for path in filter(is_scene_name, sources))

    def lost(self) -> tuple[str, ...]:
        """Ids of the catalog that the listing lacks."""
        return tuple(scene_id for scene_id in self.places if scene_id not in self.there)


class BuiltScenes(Sequence[SceneRecord]):
    """Records in order of the files; those that were kept are read from the catalog when they are asked for."""

    def __init__(self, found: Sequence[SceneRecord | int], catalog: Catalog) -> None:
        self._found, self._catalog = found, catalog

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> SceneRecord: ...
    @overload
    def __getitem__(self, index: slice) -> "BuiltScenes": ...
    def __getitem__(self, index: int | slice) -> "SceneRecord | BuiltScenes":
        if isinstance(index, slice):
            return BuiltScenes(self._found[index], self._catalog)
        found = self._found[index]
        return found if isinstance(found, SceneRecord) else self._catalog.at(found)


def _charts_at_hand(path: str, file: SceneFile | None) -> bool:
    return exists(reference_path(path)) if file is None else file.reference is not None
