"""`StoredScene`: a raw scene as a lake of format 1 holds it, read as the raw file was.

Full resolution is bit for bit what the file had; the chart's polygons are not there, only what followed from them.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.labels import CHARTS
from datasets.lake import Lake
from ingest.raw import RawScene
from ingest.source import SceneName, parse_name
from ingest.variables import KM2, KM2_MAPS


class StoredScene:
    """A scene of a lake of format 1 that has ratio 1; see `ingest.raw.RawScene` for the members.

    Attributes:
        record: What the lake says about the scene.

    Raises:
        SceneNotFoundError: The store is gone.
    """

    pixel_spacing: Final = RawScene.pixel_spacing
    border_comment: Final = RawScene.border_comment
    tie_comment: Final = RawScene.tie_comment
    km2_names: Final[Sequence[str]] = (*KM2, *KM2_MAPS)
    codes: Final[Sequence[str]] = ()

    def __init__(self, lake: Lake, scene_id: str) -> None:
        self._scene = lake.scene(scene_id)
        self._store = lake.store(scene_id)
        self.record = self._scene.record
        self.name: SceneName = parse_name(self.record.source)

    @property
    def charted(self) -> bool:
        """Whether the scene has an ice chart."""
        return self.record.charted

    @property
    def shape(self) -> tuple[int, int]:
        """SAR lines and samples of 40 m."""
        return self.record.lines, self.record.samples

    def sar(self, name: str) -> NDArray[np.float32]:
        """One SAR-grid variable whole, (lines, samples) float32, NaN = no data."""
        return self._read("r1", name)

    def km2(self, name: str) -> NDArray[np.generic]:
        """One variable of the 2 km grid."""
        return self._read("km2", name)

    def tie_points(self) -> dict[str, NDArray[np.float64]]:
        """The geolocation points of the file."""
        return self._scene.tie_points()

    def attributes(self, name: str) -> dict[str, object]:
        """Attributes of a variable, with those that the lake gave it."""
        return self._store.array_attributes("km2" if name in self.km2_names else "r1", name)

    def charts(self) -> dict[str, NDArray[np.uint8]]:
        """SIC, SOD and FLOE, (lines, samples) uint8 each, 255 = no label."""
        return {name: self._read("r1", name) for name in CHARTS}

    def border_distance(self, ratio: int) -> NDArray[np.float32]:
        """Distance to the border of the polygon in metres, smallest of each block of a ratio; NaN without a chart."""
        return self._read(f"r{ratio}", "distance_to_border")

    def _read(self, group: str, name: str) -> NDArray[Any]:
        return self._store.read(group, name)
