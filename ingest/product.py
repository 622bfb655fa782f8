"""Which product a file is, by its content: `open_scene` returns the reader for it; both have one interface."""

from collections.abc import Iterator
from contextlib import contextmanager

from datasets.grids import NATIVE_SPACING
from ingest.archive_file import ArchiveFile
from ingest.errors import RawSceneError, RecipeError
from ingest.raw import RawScene
from ingest.ready_to_train import TIE_GRID, ReadyToTrainScene
from ingest.stored_scene import StoredScene

_SIBLINGS = ("sar_primary", "sar_incidenceangles", "s1_sub_swath_map")
"""Variables of ASIDv3, a sibling of the AI4Arctic challenge data with other SAR processing."""


SourceScene = RawScene | ReadyToTrainScene
"""One scene of either product, in physical units: the interface of both readers.

Rasters are (lines, samples) at `pixel_spacing`; `shape` and tie points count pixels of 40 m in both products.
"""

Sensors = SourceScene | StoredScene
"""What the arrays of a scene are made from, but for its polygons: a file, or a store of an earlier format."""


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


def native_ratio(scene: Sensors, ratio: int) -> int:
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
            f"{file.path!r} holds {', '.join(siblings)}: it belongs to ASID, a sibling of AI4Arctic with other SAR "
            "processing; take the raw or the ready-to-train file of the AI4Arctic challenge"
        )
    return RawScene(file)
