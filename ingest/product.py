"""Which product a file is, by what is in it: `open_scene` gives the reader of either, with one face."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from datasets.grids import NATIVE_SPACING
from datasets.scene import Product
from ingest.archive_file import ArchiveFile
from ingest.charts import PolygonClasses
from ingest.errors import RawSceneError, RecipeError
from ingest.raw import RawScene
from ingest.ready_to_train import TIE_GRID, ReadyToTrainScene
from ingest.source import SceneName

_SIBLINGS = ("sar_primary", "sar_incidenceangles", "s1_sub_swath_map")
"""Variables of ASIDv3, a sibling of the AI4Arctic challenge data with other SAR processing."""


class SourceScene(Protocol):
    """One scene of either product, in physical units.

    Rasters are (lines, samples) at `pixel_spacing`; `shape` and tie points count pixels of 40 m in both products.
    """

    @property
    def product(self) -> Product:
        """`raw` or `ready_to_train`."""

    @property
    def pixel_spacing(self) -> int:
        """Metres between pixels of the rasters."""

    @property
    def name(self) -> SceneName:
        """Time, orbit, provider and region."""

    @property
    def charted(self) -> bool:
        """Whether there is an ice chart."""

    @property
    def border_comment(self) -> str:
        """What the distance to the border means."""

    @property
    def tie_comment(self) -> str:
        """Where the tie points come from."""

    @property
    def km2_names(self) -> tuple[str, ...]:
        """Variables of the 2 km grid."""

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and samples of 40 m."""

    def sar(self, name: str) -> NDArray[np.float32]:
        """One SAR-grid variable, NaN = no data."""

    def incidence(self) -> NDArray[np.float32] | None:
        """Incidence angle where the file ships the raster; None where it is interpolated from the tie points."""

    def polygons(self) -> PolygonClasses:
        """Classes by polygon id."""

    def polygon_ids(self) -> NDArray[np.uint16]:
        """Raster of polygon ids, `ingest.charts.NO_POLYGON` where there is none."""

    def tie_points(self) -> dict[str, NDArray[np.float64]]:
        """Geolocation points by name `sar_grid_*`."""

    def km2(self, name: str) -> NDArray[np.generic]:
        """One variable of the 2 km grid."""

    def attributes(self, name: str) -> dict[str, object]:
        """Attributes of a variable; none for one that the file does not have."""

    def close(self) -> None:
        """Closes the file."""


@contextmanager
def open_scene(path: str) -> Iterator[SourceScene]:
    """Opens a file of either product and checks it.

    Raises:
        SceneNameError: The name is outside the grammar of the archives.
        RawSceneError: The file is no netCDF, lacks a variable, or its grids do not fit together.
    """
    file = ArchiveFile(path)
    try:
        scene = _reader(file)
    except BaseException:
        file.close()
        raise
    try:
        yield scene
    finally:
        scene.close()


def native_ratio(scene: SourceScene, ratio: int) -> int:
    """Side, in pixels of the scene's rasters, of the block of a downscale ratio to 40 m.

    Raises:
        RecipeError: The ratio is finer than the rasters, or no multiple of their spacing.
    """
    scale = scene.pixel_spacing // NATIVE_SPACING
    if ratio % scale:
        raise RecipeError(
            f"ratio {ratio} is {ratio * NATIVE_SPACING} m and scene {scene.name.scene_id} of the ready-to-train "
            f"product has pixels of {scene.pixel_spacing} m: use multiples of {scale} (--ratios 2 10), or the raw file"
        )
    return ratio // scale


def _reader(file: ArchiveFile) -> SourceScene:
    if any(name in file for name in TIE_GRID):
        return ReadyToTrainScene(file)
    siblings = [name for name in _SIBLINGS if name in file]
    if siblings:
        raise RawSceneError(
            f"{file.path!r} holds {', '.join(siblings)}: it is of ASID, a sibling of AI4Arctic with other SAR "
            "processing; take the raw or the ready-to-train file of the AI4Arctic challenge"
        )
    return RawScene(file)
