"""How many bytes a lake is, stored and decoded. Light: reads a few small objects, without pandas and zarr.

For people who look at a lake (`datasets.show_page`), and who plan what a node reads and keeps (`LakeVolume`).
"""

import io
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from datasets.catalog_file import STATISTICS
from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from datasets.storage import read
from datasets.stores.attributes import from_attribute

_LOOKED_AT: Final = 16
"""Scenes whose bytes are counted, each in one request; those of the others follow from their pixels."""

_SAR: Final = ("nersc_sar_primary", "nersc_sar_secondary")
_USED: Final = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class StoredSize:
    """Bytes of scenes of a lake.

    Attributes:
        groups: Bytes by group, `r2`, `km2`, ...
        missing: Scenes that are gone, of those that were looked at.
        exact: Whether all were looked at; else the others were taken to be like them.
    """

    groups: dict[str, int]
    missing: tuple[str, ...]
    exact: bool

    @classmethod
    def of(cls, lake: Lake, scene_ids: Sequence[str], pixels: Sequence[int]) -> "StoredSize":
        """Adds up what the root documents of some scenes list, and scales it by pixels to all scenes.

        Args:
            lake: Where.
            scene_ids: All scenes.
            pixels: Of 40 m, of each.
        """
        total, step = sum(pixels), -(-len(pixels) // _LOOKED_AT) or 1
        some = list(scene_ids[::step])
        of = dict(zip(some, pixels[::step], strict=True))
        with ThreadPoolExecutor(_LOOKED_AT) as threads:
            found = dict(zip(some, threads.map(lambda scene_id: _objects(lake, scene_id), some), strict=True))
        kept = {scene_id: objects for scene_id, objects in found.items() if objects is not None}
        seen = sum(of[scene_id] for scene_id in kept)
        groups: dict[str, int] = {}
        for objects in kept.values():
            for key, size in objects.items():
                group = key.partition("/")[0]
                groups[group] = groups.get(group, 0) + size
        return cls(
            groups={group: round(size * total / seen) for group, size in groups.items()},
            missing=tuple(scene_id for scene_id in some if scene_id not in kept),
            exact=len(kept) == len(scene_ids),
        )

    @property
    def total(self) -> int:
        """Bytes of all groups."""
        return sum(self.groups.values())


@dataclass(frozen=True, kw_only=True)
class LakeVolume:
    """Pixels and bytes of the scenes that trials use.

    Attributes:
        scenes: How many of each split.
        pixels: Of 40 m, by split.
        ratios: That the lake has.
        stored: Bytes in the lake.
        sar: SAR channels that the lake has.
    """

    scenes: dict[str, int]
    pixels: dict[str, int]
    ratios: tuple[int, ...]
    stored: StoredSize
    sar: int

    @classmethod
    def of(cls, url: str) -> "LakeVolume":
        """Looks into a lake.

        Raises:
            LakeNotFoundError: There is no lake, or its build has not finished.
            LakeAccessError: The store cannot be reached or refuses.
        """
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        lake = Lake.open(url)
        content = read(f"{lake.place}/catalog.parquet")
        if content is None:
            raise LakeNotFoundError(f"the lake {url!r} has no catalog yet: its build has not finished")
        columns = ["scene_id", "split", "lines", "samples"]
        table = pq.ParquetFile(io.BytesIO(content)).read(columns)
        groups = json.loads((table.schema.metadata or {}).get(STATISTICS, b"{}"))
        each = pc.multiply(table["lines"], table["samples"])
        of = {split: pc.fill_null(pc.equal(table["split"], split), False) for split in _USED}
        used = pc.is_in(table["split"], pa.array(_USED))
        return cls(
            scenes={split: pc.sum(mask).as_py() or 0 for split, mask in of.items()},
            pixels={split: pc.sum(each.filter(mask)).as_py() or 0 for split, mask in of.items()},
            ratios=lake.ratios,
            stored=StoredSize.of(lake, table["scene_id"].filter(used).to_pylist(), each.filter(used).to_pylist()),
            sar=sum(name in groups.get(f"r{lake.ratios[0]}", {}) for name in _SAR),
        )

    def stored_bytes(self, ratio: int) -> float:
        """Of all scenes at one ratio, as they lie in the lake; 0 where it lacks the ratio."""
        return self.stored.groups.get(f"r{ratio}", 0)

    def decoded_bytes(self, ratio: int) -> float:
        """Of all scenes at one ratio, in the cache of a node: SAR, zones of distance to land and one chart."""
        pixel = self.sar * (4 if ratio == 1 else 2) + 2
        return pixel * sum(self.pixels.values()) / ratio**2


def _objects(lake: Lake, scene_id: str) -> dict[str, int] | None:
    """Size of every object of a scene, by its key; None where its store is gone or torn."""
    content = read(f"{lake.scene_url(scene_id)}/zarr.json")
    try:
        attributes = json.loads(content or b"")["attributes"]
        return {str(key): int(size) for key, size in from_attribute(attributes["objects"]).items()}
    except (ValueError, KeyError, TypeError):
        return None
