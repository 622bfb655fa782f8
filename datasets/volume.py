"""`LakeVolume`: how many bytes the scenes of a lake are at each ratio. Light: reads three small objects, without zarr.

For people who plan: what a node reads from the lake, and what it keeps decoded.
"""

import io
import json
from dataclasses import dataclass
from typing import Any, Final

import pyarrow.parquet as pq

from datasets.access import absolute
from datasets.errors import LakeNotFoundError
from datasets.storage import read
from datasets.stores.attributes import from_attribute

_SAR: Final = ("nersc_sar_primary", "nersc_sar_secondary")
_USED: Final = ("train", "val", "test")
_STATISTICS: Final = b"icebench.moments"


@dataclass(frozen=True, kw_only=True)
class LakeVolume:
    """Pixels and bytes of the scenes that trials use.

    Attributes:
        scenes: How many of each split.
        pixels: Of 40 m, by split.
        ratios: That the lake has.
        stored: Bytes of a pixel in the lake, by ratio; taken from one scene.
        sar: SAR channels that the lake has.
    """

    scenes: dict[str, int]
    pixels: dict[str, int]
    ratios: tuple[int, ...]
    stored: dict[int, float]
    sar: int

    @classmethod
    def of(cls, url: str) -> "LakeVolume":
        """Looks into a lake.

        Raises:
            LakeNotFoundError: There is no lake, or its build has not finished.
            LakeAccessError: The store cannot be reached or refuses.
        """
        place = absolute(url)
        recipe = _document(f"{place}/recipe.json", url)
        place = f"{place}/{recipe['at']}" if recipe.get("at") else place
        content = read(f"{place}/catalog.parquet")
        if content is None:
            raise LakeNotFoundError(f"the lake {url!r} has no catalog yet: its build has not finished")
        columns = ["scene_id", "split", "lines", "samples"]
        table = pq.ParquetFile(io.BytesIO(content)).read(columns)  # `pq.read_table` would import pandas
        rows = [row for row in table.to_pylist() if row["split"] in _USED]
        groups = json.loads((table.schema.metadata or {}).get(_STATISTICS, b"{}"))
        ratios = tuple(recipe["recipe"]["ratios"])
        stored = {}
        if rows:
            largest = max(rows, key=lambda row: row["lines"] * row["samples"])
            scene = _document(f"{place}/scenes/{largest['scene_id']}.zarr/zarr.json", url)
            objects = from_attribute(scene.get("attributes", {}).get("objects", {}))
            pixels = largest["lines"] * largest["samples"]
            for ratio in ratios:
                found = sum(size for key, size in objects.items() if key.startswith(f"r{ratio}/"))
                stored[ratio] = found / (pixels / ratio**2)
        known = [name for name in _SAR if name in groups.get(f"r{ratios[0]}", {})]
        return cls(
            scenes={split: sum(row["split"] == split for row in rows) for split in _USED},
            pixels={
                split: sum(row["lines"] * row["samples"] for row in rows if row["split"] == split) for split in _USED
            },
            ratios=ratios,
            stored=stored,
            sar=len(known),
        )

    def stored_bytes(self, ratio: int) -> float:
        """Of all scenes at one ratio, as they lie in the lake; 0 where it lacks the ratio."""
        return self.stored.get(ratio, 0.0) * sum(self.pixels.values()) / ratio**2

    def decoded_bytes(self, ratio: int) -> float:
        """Of all scenes at one ratio, in the cache of a node: SAR, zones of distance to land and one chart."""
        pixel = self.sar * (4 if ratio == 1 else 2) + 2
        return pixel * sum(self.pixels.values()) / ratio**2


def _document(place: str, url: str) -> dict[str, Any]:
    content = read(place)
    if content is None:
        raise LakeNotFoundError(f"{url!r} is not a lake (no {place.rpartition('/')[2]} in it)")
    found = json.loads(content)
    return found if isinstance(found, dict) else {}
