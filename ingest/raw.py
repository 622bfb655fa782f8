"""`RawScene`: one raw AI4Arctic file, 40 m pixels, checked when it is opened and read one variable at a time.

The first release of the test scenes (file names end in `_testdata.nc`) has neither polygon_icechart nor polygon_codes:
such a scene is not charted. It is kept for prediction.
"""

from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.errors import PolygonCodesError
from datasets.grids import KM2_PIXELS, NATIVE_SPACING
from datasets.scene import Product
from datasets.sigrid import NO_POLYGON, Dominance, PolygonClasses, classify, parse_codes
from ingest.archive_file import ArchiveFile
from ingest.errors import RawSceneError
from ingest.polygon_ids import to_polygon_ids
from ingest.source import SceneName, parse_name
from ingest.variables import (
    CODES,
    DISTANCE,
    HH,
    HV,
    KM2,
    KM2_DIMS,
    KM2_MAPS,
    POLYGONS,
    SAR_DIMS,
    TIE_POINTS,
    read_km2,
    read_sar,
)


class RawScene:
    """The content of an open raw file.

    Attributes:
        name: What the file name says.
        charted: Whether the file carries an ice chart.
        codes: Header and code rows of the polygons of its chart; none where there is no chart.

    Raises:
        SceneNameError: The name is outside the grammar.
        RawSceneError: The file lacks a variable, or its grids do not fit together.
    """

    product: Final[Product] = "raw"
    pixel_spacing: Final[int] = NATIVE_SPACING
    border_comment: Final = (
        "between pixel centres at full resolution, to a tenth of a pixel; the largest value that fits also where one "
        "polygon fills the scene"
    )
    tie_comment: Final = "geolocation grid of the SAR image as it came; lines and samples of 40 m"
    km2_names: Final = (*KM2, *KM2_MAPS)

    def __init__(self, file: ArchiveFile) -> None:
        self._file = file
        self.name: SceneName = parse_name(PurePosixPath(file.path).name)
        self.charted = CODES in file or POLYGONS in file
        self._check()
        self.codes: tuple[str, ...] = tuple(file.texts(CODES)) if self.charted else ()
        try:
            self._rows = parse_codes(self.codes) if self.charted else ()
        except PolygonCodesError as error:
            raise RawSceneError(str(error)) from error

    @property
    def shape(self) -> tuple[int, int]:
        """SAR lines and samples of 40 m."""
        return self._file.size(SAR_DIMS[0]), self._file.size(SAR_DIMS[1])

    def sar(self, name: str) -> NDArray[np.float32]:
        """One SAR-grid variable whole, (lines, samples) float32, NaN = no data.

        Raises:
            RawSceneError: It holds no data at all.
        """
        return read_sar(self._file, name)

    def polygons(self, dominance: Dominance) -> PolygonClasses:
        """Classes of the polygons; of none where there is no chart."""
        return classify(self._rows, dominance)

    def polygon_ids(self) -> NDArray[np.uint16]:
        """Raster of polygon ids, (lines, samples) uint16, `NO_POLYGON` on land and outside the chart.

        Raises:
            RawSceneError: The chart is empty, or holds a value that is not an id.
        """
        ids = np.full(self.shape, NO_POLYGON, np.uint16)
        if not self.charted:
            return ids
        what = f"{POLYGONS} of {self._file.path!r}"
        stored, coded = self._file.stored_dtype(POLYGONS), {row.polygon for row in self._rows}
        for rows, values in self._file.strips(POLYGONS):
            ids[rows] = to_polygon_ids(values, stored=stored, coded=coded, what=what)
        if ids.min() == NO_POLYGON:
            raise RawSceneError(
                f"the ice chart of {self._file.path!r} is empty ({POLYGONS} has no polygon): the scene has no label, "
                "leave it out"
            )
        return ids

    def tie_points(self) -> dict[str, NDArray[np.float64]]:
        """The geolocation points of the file, (sar_grid_points,) float64 each."""
        return {name: self._file.whole(name).astype(np.float64) for name in TIE_POINTS}

    def km2(self, name: str) -> NDArray[np.generic]:
        """One variable of the 2 km grid: float32 for channels, uint8 for the swath maps, 255 = none."""
        return read_km2(self._file, name)

    def attributes(self, name: str) -> dict[str, object]:
        """Attributes of a variable, unchanged; none for one that the file does not have."""
        return self._file.attributes(name) if name in self._file else {}

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _check(self) -> None:
        chart = (POLYGONS, CODES) if self.charted else ()
        self._file.check_names((HH, HV, *chart, DISTANCE, *TIE_POINTS, *self.km2_names), "raw")
        on_sar = (HH, HV, POLYGONS, DISTANCE) if self.charted else (HH, HV, DISTANCE)
        self._file.check_dims(on_sar, SAR_DIMS, "raw")
        self._file.check_dims(self.km2_names, KM2_DIMS, "raw")
        self._file.check_coarse_grid(KM2_PIXELS, "raw")
