"""`Lake`: the layout of format 1; turns a URL into bytes (with `datasets.store` for one scene).

<lake>/recipe.json              recipe, digest, format, software; written first
<lake>/catalog.parquet          one row a scene; written last, replaced in one step
<lake>/moments.json             channel statistics of the training scenes
<lake>/scenes/<scene_id>.zarr   one store a scene, see `datasets.store`
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import fsspec

from datasets.catalog import Catalog
from datasets.errors import LakeNotFoundError, RecipeMismatchError
from datasets.scene import Scene, SceneRecord
from datasets.statistics import ChannelStatistics
from datasets.store import SceneStore, SceneWriter

FORMAT: Final = 1


@dataclass(frozen=True)
class Lake:
    """A lake at a URL: a path, `s3://`, `gs://`, `memory://`. Cheap to copy to another process.

    Attributes:
        url: Absolute; without a trailing slash.
        recipe: Content of recipe.json: format, digest, recipe, software.
    """

    url: str
    recipe: Mapping[str, Any]

    @classmethod
    def open(cls, url: str) -> "Lake":
        """Opens a lake that `python -m ingest build` made.

        Raises:
            LakeNotFoundError: There is no lake, no finished lake, or one of another format at the URL.
        """
        place = _absolute(url)
        content = _read(f"{place}/recipe.json")
        if content is None:
            raise LakeNotFoundError(
                f"{url!r} is not a lake (no recipe.json in it): give the URL of a lake, "
                "or build one with `python -m ingest build RAW --lake URL`"
            )
        try:
            recipe = json.loads(content)
            found = recipe["format"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise LakeNotFoundError(f"{url!r} has a recipe.json that is not of a lake: rebuild it elsewhere") from error
        if found != FORMAT:
            raise LakeNotFoundError(
                f"{url!r} is a lake of format {found}, this code reads format {FORMAT}: use the matching version "
                "or rebuild the lake"
            )
        return cls(place, recipe)

    @classmethod
    def create(cls, url: str, recipe: Mapping[str, Any]) -> "Lake":
        """Opens the lake for building, or starts one.

        Args:
            url: Where.
            recipe: `digest`, `recipe` and `software`.

        Raises:
            LakeNotFoundError: The place holds something else, or a lake of another format.
            RecipeMismatchError: The lake was built with another recipe.
        """
        place = _absolute(url)
        if _read(f"{place}/recipe.json") is not None:
            lake = cls.open(url)
            if lake.recipe_digest != recipe["digest"]:
                raise RecipeMismatchError(
                    f"{url!r} was built with recipe {lake.recipe_digest} and {recipe['digest']} was asked for "
                    f"(ratios {list(lake.ratios)} against {recipe['recipe']['ratios']}): give the same options, or "
                    "another --lake"
                )
            return lake
        if _has_content(place):
            raise LakeNotFoundError(f"{url!r} is not empty and is not a lake: give an empty or a new place")
        content = {"format": FORMAT, **recipe}
        _replace(f"{place}/recipe.json", json.dumps(content, indent=1, sort_keys=True).encode())
        return cls(place, content)

    @property
    def recipe_digest(self) -> str:
        """Digest of the recipe that the scenes were built with."""
        return str(self.recipe["digest"])

    @property
    def ratios(self) -> tuple[int, ...]:
        """Downscale ratios that every scene has."""
        return tuple(self.recipe["recipe"]["ratios"])

    def catalog(self) -> Catalog:
        """Reads the catalog, one object.

        Raises:
            LakeNotFoundError: No build has finished yet.
        """
        content = _read(f"{self.url}/catalog.parquet")
        if content is None:
            raise LakeNotFoundError(
                f"the lake {self.url!r} has no catalog yet: its build has not finished, run `python -m ingest build` "
                "again"
            )
        return Catalog.from_parquet(content)

    def has_catalog(self) -> bool:
        """Whether a build has finished once."""
        return _read(f"{self.url}/catalog.parquet") is not None

    @cached_property
    def digest(self) -> str:
        """Hash of the recipe and of all scenes (content and split), 12 hex digits: another lake is another trial."""
        rows = [record.model_dump(mode="json") for record in self.catalog()]
        text = json.dumps([self.recipe_digest, rows], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def scene(self, scene_id: str) -> Scene:
        """Opens one scene; raises SceneNotFoundError."""
        store = SceneStore(self.scene_url(scene_id))
        return Scene(SceneRecord.model_validate(store.record), store)

    def scene_url(self, scene_id: str) -> str:
        """URL of the scene's store, for `xarray.open_zarr(url, group="r2")`."""
        return f"{self.url}/scenes/{scene_id}.zarr"

    def write_scene(self, scene_id: str) -> SceneWriter:
        """Starts the scene's store anew; see `SceneWriter`."""
        return SceneWriter(self.scene_url(scene_id))

    def moments(self, group: str) -> dict[str, ChannelStatistics]:
        """Channel statistics over the training scenes of one group, `r2` or `km2`.

        Raises:
            LakeNotFoundError: The lake has no statistics of that group.
        """
        content = _read(f"{self.url}/moments.json")
        groups = json.loads(content) if content is not None else {}
        if group not in groups:
            raise LakeNotFoundError(
                f"the lake {self.url!r} has no channel statistics of {group!r}, it has {', '.join(groups) or 'none'}: "
                "build it with that ratio and at least one training scene"
            )
        return {name: ChannelStatistics.model_validate(row) for name, row in groups[group].items()}

    def publish(self, catalog: Catalog, moments: Mapping[str, Mapping[str, ChannelStatistics]]) -> None:
        """Writes moments and, last, the catalog.

        Raises:
            RecipeMismatchError: Rows carry another recipe than the lake.
        """
        strangers = [row.scene_id for row in catalog if row.recipe != self.recipe_digest]
        if strangers:
            raise RecipeMismatchError(
                f"{len(strangers)} scenes of {self.url!r} carry another recipe (first: {strangers[0]}): "
                "build them again with this recipe, or use another lake"
            )
        content = {group: {name: row.model_dump() for name, row in rows.items()} for group, rows in moments.items()}
        _replace(f"{self.url}/moments.json", json.dumps(content, indent=1, sort_keys=True).encode())
        _replace(f"{self.url}/catalog.parquet", catalog.to_parquet())


def _absolute(url: str) -> str:
    """Trial workers have another working folder: a path becomes absolute, a URL stays."""
    bare = url.rstrip("/")
    return bare if "://" in bare else str(Path(bare).expanduser().resolve())


def _read(url: str) -> bytes | None:
    filesystem, path = fsspec.core.url_to_fs(url)
    try:
        content: bytes = filesystem.cat_file(path)
    except FileNotFoundError:
        return None
    return content


def _has_content(url: str) -> bool:
    filesystem, path = fsspec.core.url_to_fs(url)
    return bool(filesystem.exists(path) and filesystem.ls(path))


def _replace(url: str, content: bytes) -> None:
    """Puts an object in one step: readers see the old bytes or the new ones."""
    filesystem, path = fsspec.core.url_to_fs(url)
    if "://" in url:
        filesystem.pipe_file(path, content)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(content)
    part.replace(target)
