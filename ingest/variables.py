"""Names and dimensions of the variables of the archives' files; reads the variables that both products have."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from ingest.archive_file import ArchiveFile
from ingest.errors import RawSceneError

HH: Final = "nersc_sar_primary"
HV: Final = "nersc_sar_secondary"
DISTANCE: Final = "distance_map"
POLYGONS: Final = "polygon_icechart"
CODES: Final = "polygon_codes"
TIE_POINTS: Final = tuple(
    f"sar_grid_{name}" for name in ("line", "sample", "latitude", "longitude", "incidenceangle", "height")
)
KM2: Final = tuple(name for name, channel in CHANNELS.items() if channel.grid == "km2")
KM2_MAPS: Final = ("amsr2_swath_map", "swath_segmentation")

SAR_DIMS: Final = ("sar_lines", "sar_samples")
KM2_DIMS: Final = ("2km_grid_lines", "2km_grid_samples")

_NO_SWATH: Final = 255


def read_sar(file: ArchiveFile, name: str, fill: float | None = None) -> NDArray[np.float32]:
    """Reads one SAR-grid variable whole.

    Args:
        file: Open file.
        name: Variable.
        fill: Value that means no data; None if only NaN does.

    Returns:
        (lines, samples) float32, NaN = no data.

    Raises:
        RawSceneError: It holds no data at all.
    """
    values = np.empty((file.size(SAR_DIMS[0]), file.size(SAR_DIMS[1])), np.float32)
    valid = False
    for rows, strip in file.strips(name):
        part = values[rows]
        part[...] = strip
        if fill is not None:
            np.copyto(part, np.nan, where=part == fill)
        if np.isinf((np.fmin.reduce(part, axis=None), np.fmax.reduce(part, axis=None))).any():  # both pass over NaN
            np.copyto(part, np.nan, where=np.isinf(part))
        valid = valid or not np.isnan(part).all()
    if not valid:
        raise RawSceneError(f"{name} of {file.path!r} holds no valid pixel: the scene cannot be used, leave it out")
    return values


def read_km2(file: ArchiveFile, name: str) -> NDArray[np.generic]:
    """Reads one variable of the 2 km grid: float32 for channels, uint8 for the swath maps, 255 = none."""
    values = file.whole(name)
    if name not in KM2_MAPS:
        return values.astype(np.float32)
    if np.issubdtype(values.dtype, np.floating):
        values = np.where(np.isnan(values), _NO_SWATH, values)
    return values.astype(np.uint8)
