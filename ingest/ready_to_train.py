"""`ReadyToTrainScene`: one file of the ready-to-train product, 80 m pixels, back in physical units.

The product was made from the raw files: SAR, incidence and distance averaged over 2 x 2 pixels, charts made and reduced
by their maximum, channels standardized, no data filled with 0. Here that is undone as far as possible:

* z-scores become physical units again (`ingest.standardization`). Where a variable carries `variable_fill_value` 0, a
  z-score of exactly 0 is no data; of 26 million valid pixels about two are 0 by chance.
* The tie points have latitude and longitude only; their pixels are inferred (`ingest.tie_positions`).
* Polygons are gone: pixels with the same (SIC, SOD, FLOE) count as one polygon. Borders between polygons of the same
  classes are not seen, the edge of the swath is a border, and the distance to the border is approximate.
* The test files have no charts; those are in `..._prep_reference.nc` beside. Without it the scene is not charted.
"""

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.grids import KM2_PIXELS, NATIVE_SPACING
from datasets.labels import CHARTS, IGNORE
from datasets.scene import Product
from datasets.sigrid import NO_POLYGON, Dominance, PolygonClasses
from datasets.storage import exists
from datasets.tie_grid import INCIDENCE
from ingest.archive_file import ArchiveFile
from ingest.errors import RawSceneError, RecipeError
from ingest.source import SceneName, parse_name, reference_path, scene_id_of
from ingest.standardization import MEAN_STD, check_incidence, check_zones, physical
from ingest.tie_positions import tie_positions
from ingest.variables import DISTANCE, HH, HV, KM2, KM2_DIMS, SAR_DIMS, read_sar

TIE_GRID: Final = ("sar_grid2d_latitude", "sar_grid2d_longitude")
"""Degrees; the first axis runs along the lines, although its dimension is called after the samples."""

_PRODUCT: Final = "ready-to-train"
_SPACING: Final = 80
_COMBINATIONS: Final = list(product(*([*range(chart.n_classes), IGNORE] for chart in CHARTS.values())))
_UNLABELLED: Final = _COMBINATIONS.index((IGNORE,) * len(CHARTS))


class ReadyToTrainScene:
    """The content of an open ready-to-train file.

    Attributes:
        name: Name of the raw file that it was made from.
        charted: Whether the file, or the reference file beside it, carries the charts.

    Raises:
        SceneNameError: `original_id` is outside the grammar of raw names.
        RawSceneError: The file lacks a variable, or its grids do not fit together.
    """

    product: Final[Product] = "ready_to_train"
    pixel_spacing: Final[int] = _SPACING
    border_comment: Final = (
        "approximate: borders of the combination of SIC, SOD and FLOE at 80 m, the product has no polygons; "
        "the largest value that fits also where one combination fills the scene"
    )
    tie_comment: Final = (
        "geolocation grid of the SAR image; lines and samples of 40 m are inferred, the product lacks them; incidence "
        "angles are those of its raster"
    )
    km2_names: Final = KM2
    codes: Final[tuple[str, ...]] = ()

    def __init__(self, file: ArchiveFile) -> None:
        self._file = file
        self.name: SceneName = self._origin()
        self._charts = self._open_charts()
        try:
            self._check()
        except RawSceneError:
            self.close()
            raise

    @property
    def charted(self) -> bool:
        """Whether there are charts, in the file or beside it."""
        return self._charts is not None

    @property
    def shape(self) -> tuple[int, int]:
        """SAR lines and samples of 40 m: twice those of the file."""
        lines, samples = self._native_shape
        scale = _SPACING // NATIVE_SPACING
        return lines * scale, samples * scale

    def sar(self, name: str) -> NDArray[np.float32]:
        """One SAR-grid variable whole, (lines, samples) of 80 m, float32 in physical units, NaN = no data.

        Raises:
            RawSceneError: It holds no data at all, or was scaled in another way than published.
        """
        values = physical(name, read_sar(self._file, name, self._file.number("variable_fill_value", name)))
        if name == DISTANCE:
            check_zones(values, self._file.path)
        if name == INCIDENCE:
            check_incidence(values, self._file.path)
        return values

    def polygons(self, dominance: Dominance) -> PolygonClasses:
        """Every combination of classes as one polygon.

        Raises:
            RecipeError: Another dominance than that of the product's charts is asked for; its polygons are gone.
        """
        if dominance != Dominance():
            raise RecipeError(
                f"the dominance {tuple(dominance)} cannot be had of {self._file.path!r}, whose charts were made at "
                f"{tuple(Dominance())}: take the raw file"
            )
        classes = {
            name: {place: combination[chart] for place, combination in enumerate(_COMBINATIONS)}
            for chart, name in enumerate(CHARTS)
        }
        return PolygonClasses(classes=classes, reasons=dict.fromkeys(range(len(_COMBINATIONS)), frozenset()))

    def polygon_ids(self) -> NDArray[np.uint16]:
        """Raster of combinations of classes, (lines, samples) of 80 m, uint16, `NO_POLYGON` where no chart has a label.

        Raises:
            RawSceneError: The charts are empty, or hold something that is no class.
        """
        ids = np.zeros(self._native_shape, np.uint16)
        if self._charts is None:
            ids[...] = NO_POLYGON
            return ids
        for name, chart in CHARTS.items():
            table = np.full(IGNORE + 1, NO_POLYGON, np.uint16)
            table[[*range(chart.n_classes), IGNORE]] = np.arange(chart.n_classes + 1)
            for rows, strip in self._charts.strips(name):
                values = np.where(np.isnan(strip), IGNORE, strip) if strip.dtype.kind == "f" else strip
                places = table[np.clip(values, 0, IGNORE).astype(np.uint8)]
                if (places == NO_POLYGON).any() or (values != values.astype(np.uint8)).any():
                    raise RawSceneError(
                        f"{name} of {self._charts.path!r} holds values from {values.min()} to {values.max()}, allowed "
                        f"are 0 to {chart.n_classes - 1} and {IGNORE}: take the file from the archive again"
                    )
                ids[rows] = ids[rows] * (chart.n_classes + 1) + places
        ids[ids == _UNLABELLED] = NO_POLYGON
        if ids.min() == NO_POLYGON:
            raise RawSceneError(
                f"the charts of {self._charts.path!r} are empty (every pixel is {IGNORE}): the scene has no label, "
                "leave it out"
            )
        return ids

    def tie_points(self) -> dict[str, NDArray[np.float64]]:
        """The geolocation grid, (points,) float64 each: latitude, longitude and incidence, and inferred pixels of 40 m.

        The product has incidence angles as a raster, without land. Here they are at the tie points, as in the raw file.
        """
        latitude, longitude = (self._file.whole(name).astype(np.float64) for name in TIE_GRID)
        if latitude.ndim != 2 or latitude.shape != longitude.shape or min(latitude.shape) < 2:
            raise RawSceneError(
                f"the tie points of {self._file.path!r} have the shapes {latitude.shape} and {longitude.shape}, "
                "expected one grid of two axes: take the ready-to-train file from the archive again"
            )
        if not (np.isfinite(latitude).all() and np.isfinite(longitude).all() and latitude.min() > 30):
            raise RawSceneError(
                f"the latitudes of {self._file.path!r} run from {latitude.min():.1f} to {latitude.max():.1f}, expected "
                "are degrees in the Arctic: take the ready-to-train file from the archive again"
            )
        lines, samples = tie_positions(latitude, longitude, self._native_shape)
        line, sample = np.meshgrid(lines, samples, indexing="ij")
        found = {"line": line, "sample": sample, "latitude": latitude, "longitude": longitude}
        found["incidenceangle"] = self._incidence_at(lines, samples)
        return {f"sar_grid_{name}": values.ravel() for name, values in found.items()}

    def km2(self, name: str) -> NDArray[np.generic]:
        """One channel of the 2 km grid, float32 in physical units."""
        return physical(name, self._file.whole(name).astype(np.float32))

    def attributes(self, name: str) -> dict[str, object]:
        """Attributes of a variable without the fill value, which is undone; none for a variable that is missing."""
        if name not in self._file:
            return {}
        kept = {key: value for key, value in self._file.attributes(name).items() if key != "variable_fill_value"}
        undone = {"comment": "of the ready-to-train product, z-score undone"} if name in MEAN_STD else {}
        return kept | undone

    def close(self) -> None:
        """Closes the file and the one with the charts."""
        self._file.close()
        if self._charts is not None:
            self._charts.close()

    def _incidence_at(self, lines: NDArray[np.float64], samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """(lines, samples) degrees at positions in pixels of 40 m; where the raster has none, the nearest line has."""
        raster, scale = self.sar(INCIDENCE), _SPACING // NATIVE_SPACING
        height, width = raster.shape
        rows = np.arange(height) * scale + (scale - 1) / 2
        places = (samples - (scale - 1) / 2) / scale
        left = np.clip(places.astype(np.intp), 0, width - 2)
        angles = np.full((lines.size, samples.size), np.nan)
        for place, (low, far) in enumerate(zip(left, places - left, strict=True)):
            column = raster[:, low] + far * (raster[:, low + 1] - raster[:, low])
            known = np.flatnonzero(~np.isnan(column))
            if known.size:
                angles[:, place] = np.interp(lines, rows[known], column[known])
        seen = np.flatnonzero(~np.isnan(angles[0]))
        for row in angles:  # a column of nothing but land: the angle rises steadily across the swath
            row[...] = np.interp(samples, samples[seen], row[seen])
        return angles

    @property
    def _native_shape(self) -> tuple[int, int]:
        return self._file.size(SAR_DIMS[0]), self._file.size(SAR_DIMS[1])

    def _origin(self) -> SceneName:
        origin = self._file.attribute("original_id")
        if not isinstance(origin, str):
            raise RawSceneError(
                f"{self._file.path!r} lacks the attribute original_id, from which time, orbit and region are read: "
                "take the ready-to-train file from the archive again"
            )
        name = parse_name(origin)
        if name.scene_id != scene_id_of(self._file.path):
            raise RawSceneError(
                f"{self._file.path!r} holds the scene {name.scene_id} by its attribute original_id: give the file its "
                f"own name, '{name.scene_id}_prep.nc'"
            )
        return name

    def _open_charts(self) -> ArchiveFile | None:
        present = [name for name in CHARTS if name in self._file]
        if present:
            self._file.check_names(CHARTS, _PRODUCT)
            return self._file
        beside = reference_path(self._file.path)
        if not exists(beside):
            return None
        return ArchiveFile(beside)

    def _check(self) -> None:
        spacing = self._file.number("pixel_spacing")
        if spacing not in (None, _SPACING):
            raise RawSceneError(
                f"{self._file.path!r} has a pixel_spacing of {spacing:g} m, known is {_SPACING} m: take the "
                "ready-to-train file from the archive again"
            )
        on_sar = (HH, HV, INCIDENCE, DISTANCE)
        self._file.check_names((*on_sar, *TIE_GRID, *KM2), _PRODUCT)
        self._file.check_dims(on_sar, SAR_DIMS, _PRODUCT)
        self._file.check_dims(KM2, KM2_DIMS, _PRODUCT)
        self._file.check_coarse_grid(KM2_PIXELS * NATIVE_SPACING // _SPACING, _PRODUCT)
        if self._charts is None:
            return
        self._charts.check_names(CHARTS, "reference")
        for name in CHARTS:
            charted = self._charts.shape(name)
            if charted != self._native_shape:
                raise RawSceneError(
                    f"{name} of {self._charts.path!r} has {' x '.join(map(str, charted))} pixels and the scene has "
                    f"{self._native_shape[0]} x {self._native_shape[1]}: take the reference file of the same scene"
                )
