"""`Lake`: the layout of format 2; turns a URL into bytes (with `datasets.stores.scene_store` for one scene).

<lake>/recipe.json              recipe, digest, format, software; written first, see `datasets.recipe_file`
<lake>/catalog.parquet          one row for each scene; written last, replaced in one step; in its metadata the
                                statistics of the training scenes, so that both always belong together
<lake>/scenes/<scene_id>.zarr   one store for each scene, see `datasets.stores.scene_store`
<lake>/index/                   patch indexes of trials, see `datasets.patches.index_store`; may be removed at any time
<lake>/ahead                    only while stores of scenes in the catalog may differ from their rows
<lake>/lock.json                only while a build runs, see `datasets.lock`

A rebuild with another recipe is written beside the lake that readers see, which recipe.json names (`at`):

<lake>/recipes/<digest>.json    the recipe.json of every other recipe that the lake had or is getting
<lake>/recipes/<digest>/        catalog.parquet, scenes/ and index/ of a rebuild
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from datasets.access import absolute
from datasets.catalog import Catalog
from datasets.catalog_file import CatalogFile
from datasets.digest import digest_of_rows
from datasets.errors import LakeNotFoundError, RecipeMismatchError
from datasets.plural import noun, plural
from datasets.recipe_file import check_place, read_recipe, show_recipe, start_recipe, start_recipe_beside
from datasets.scene import Scene, SceneRecord
from datasets.statistics import ChannelStatistics
from datasets.storage import exists, read, remove, replace
from datasets.stores.scene_store import SceneStore
from datasets.stores.scene_writer import SceneWriter

_FROM_CATALOG: Final = ("_table", "digest")
"""What a lake keeps of its catalog after it was first read."""

_AHEAD: Final = "ahead"
"""An empty object beside the catalog while stores may differ from their rows; see `Lake.expect_changes`."""


@dataclass(frozen=True)
class Lake:
    """A lake at a URL: a path, `s3://`, `gs://`, `memory://`. Cheap to copy to another process.

    Attributes:
        url: Absolute; without a trailing slash.
        recipe: Content of recipe.json: format, digest, recipe, software, and `at` after a rebuild. An opened lake does
            not change when somebody rebuilds it with another recipe, and neither does its catalog after it was first
            read: open the lake again to see what others have built since.
    """

    url: str
    recipe: Mapping[str, Any]

    def __getstate__(self) -> dict[str, Any]:
        """Another process reads the catalog itself if it needs it; otherwise it would be sent with every task."""
        return {name: value for name, value in self.__dict__.items() if name != "_table"}

    @classmethod
    def open(cls, url: str) -> "Lake":
        """Opens a lake that `python -m ingest build` made.

        Raises:
            LakeNotFoundError: There is no lake, no finished lake, or one of another format at the URL.
        """
        return cls(absolute(url), read_recipe(url))

    @classmethod
    def open_any(cls, url: str) -> "Lake":
        """Opens a lake of this format, or one of the format before that `ingest.migrate` can read; raises as `open`."""
        return cls(absolute(url), read_recipe(url, earlier=True))

    @classmethod
    def create(cls, url: str, recipe: Mapping[str, Any], *, rebuild: bool = False) -> "Lake":
        """Opens the lake for building, or starts one.

        Args:
            url: Where.
            recipe: `digest`, `recipe` and `software`.
            rebuild: Lets a lake of another recipe be built again; readers see the old one until the new one is
                published.

        Raises:
            LakeNotFoundError: The place holds something else, or a lake of another format.
            RecipeMismatchError: The lake was built with another recipe and is not to be rebuilt.
        """
        return cls(absolute(url), start_recipe(url, recipe, rebuild=rebuild))

    @classmethod
    def create_beside(cls, url: str, recipe: Mapping[str, Any]) -> "Lake":
        """Opens or starts a lake of another recipe beside the one that readers see until this one is published.

        The lake may be of the format before, the recipe is as in `create`.
        """
        return cls(absolute(url), start_recipe_beside(url, recipe))

    check_place = staticmethod(check_place)

    @property
    def recipe_digest(self) -> str:
        """Digest of the recipe that the scenes were built with."""
        return str(self.recipe["digest"])

    @property
    def ratios(self) -> tuple[int, ...]:
        """Downscale ratios that every scene has."""
        return tuple(self.recipe["recipe"]["ratios"])

    @property
    def place(self) -> str:
        """URL below which catalog and scenes of this recipe are; the lake's own unless it was rebuilt."""
        at = self.recipe.get("at")
        return f"{self.url}/{at}" if at else self.url

    @property
    def index_url(self) -> str:
        """URL below which patch indexes of this recipe are kept."""
        return f"{self.place}/index"

    def shown(self) -> "Lake":
        """The lake that readers open now: this one, or the one of another recipe while this one is being built."""
        found = Lake.open_any(self.url)
        return self if found.recipe_digest == self.recipe_digest else found

    def catalog(self) -> Catalog:
        """The catalog as it was when it was first read, or as this lake published it last.

        Raises:
            LakeNotFoundError: No build has finished yet.
        """
        return self._table.catalog

    def has_catalog(self) -> bool:
        """Whether a build has finished once."""
        return read(f"{self.place}/catalog.parquet") is not None

    @cached_property
    def digest(self) -> str:
        """Hash of the recipe and of all scenes (content and split), 12 hex digits: another lake is another trial.

        Scenes that are there to be predicted do not count: no trial reads them, so that they may come and go.
        """
        catalog, kept = self.catalog(), self._table.digest
        if kept and bool(catalog.having("recipe", self.recipe_digest).all()):
            return kept
        return self.digest_with(catalog)

    def digest_with(self, catalog: Catalog) -> str:
        """The digest that the lake has with these scenes, by every row of them."""
        rows = (record.model_dump(mode="json") for record in catalog if record.split != "predict")
        return digest_of_rows(self.recipe_digest, rows)

    def scene(self, scene_id: str) -> Scene:
        """Opens one scene; raises SceneNotFoundError."""
        store = self.store(scene_id)
        return Scene(SceneRecord.model_validate(store.record), store)

    def scene_url(self, scene_id: str) -> str:
        """URL of the scene's store, for `xarray.open_zarr(url, group="r2")`."""
        return f"{self.place}/scenes/{scene_id}.zarr"

    def store(self, scene_id: str) -> SceneStore:
        """Opens the scene's store as it is, its record unchecked; raises SceneNotFoundError."""
        return SceneStore(self.scene_url(scene_id))

    def write_scene(self, scene_id: str) -> SceneWriter:
        """Starts a new store of the scene; see `SceneWriter`."""
        return SceneWriter(self.scene_url(scene_id))

    @property
    def statistics(self) -> Mapping[str, Mapping[str, ChannelStatistics]]:
        """Channel statistics over the training scenes by group and channel; none without a training scene."""
        return self._table.statistics

    def moments(self, group: str) -> dict[str, ChannelStatistics]:
        """Channel statistics over the training scenes of one group, `r2` or `km2`; of the same object as the catalog.

        Raises:
            LakeNotFoundError: No build has finished yet, or the lake has no statistics of that group.
        """
        if group not in self.statistics:
            raise LakeNotFoundError(
                f"the lake {self.url!r} has no channel statistics of {group!r}, it has "
                f"{', '.join(self.statistics) or 'none'}: build it with that ratio and at least one training scene"
            )
        return dict(self.statistics[group])

    def channels(self, group: str) -> tuple[str, ...]:
        """Names of the channels of one group, `r2` or `km2`, that the scenes hold; of a lake to predict too.

        Such a lake has no training scene, and so no statistics: there the first scene is asked.
        """
        if self.statistics or not len(self.catalog()):
            return tuple(self.statistics.get(group, ()))
        return tuple(self.scene(self.catalog().scene_ids[0]).moments.get(group, ()))

    def expect_changes(self) -> None:
        """Says that stores of scenes in the catalog are about to change: until it is written again, they are ahead."""
        replace(f"{self.place}/{_AHEAD}", b"")

    def is_settled(self) -> bool:
        """Whether what the catalog says of a scene is what its store says, so that a build need not read the store."""
        return self.has_catalog() and self._table.settled and not exists(f"{self.place}/{_AHEAD}")

    def publish(
        self, catalog: Catalog, moments: Mapping[str, Mapping[str, ChannelStatistics]], *, settled: bool = False
    ) -> None:
        """Writes catalog and statistics in one step, and then shows them if the lake was one of another recipe.

        Args:
            catalog: All scenes.
            moments: Of the training scenes.
            settled: Whether every row is known to be what the scene's store says, see `is_settled`.

        Raises:
            RecipeMismatchError: Rows carry another recipe than the lake.
        """
        strangers = catalog.take(~catalog.having("recipe", self.recipe_digest)).scene_ids
        if strangers:
            raise RecipeMismatchError(
                f"{plural(len(strangers), 'scene')} of {self.url!r} {noun(len(strangers), 'carries', 'carry')} another "
                f"recipe (first: {strangers[0]}): "
                "build them again with this recipe, or use another lake"
            )
        file = CatalogFile(catalog, moments, digest=self.digest_with(catalog), settled=settled)
        replace(f"{self.place}/catalog.parquet", file.to_parquet())
        if settled:
            remove(f"{self.place}/{_AHEAD}")
        for name in _FROM_CATALOG:
            self.__dict__.pop(name, None)
        show_recipe(self.url, self.recipe)

    @cached_property
    def _table(self) -> CatalogFile:
        """What catalog.parquet holds, read once, however often a trial asks for it."""
        content = read(f"{self.place}/catalog.parquet")
        if content is None:
            raise LakeNotFoundError(
                f"the lake {self.url!r} has no catalog yet: its build has not finished, run `python -m ingest build` "
                "again"
            )
        return CatalogFile.from_parquet(content)
