"""`SceneRecord`: what the catalog says about a scene. `Scene`: one scene of a lake, opened lazily."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from datasets.channels import CHANNELS
from datasets.chart_rasters import class_table, rasterize
from datasets.errors import SceneNotFoundError
from datasets.seasons import Cryoseason, Location, Season
from datasets.sigrid import Dominance, classify, parse_codes
from datasets.stores.packing import Packing
from datasets.stores.scene_store import SceneStore

if TYPE_CHECKING:
    import xarray as xr

Archive = Literal["train", "test", "predict"]
Split = Literal["train", "val", "test", "unused", "predict"]
Product = Literal["raw", "ready_to_train"]

FIRST_SYNTHETIC_ORBIT: Final = 900_000
"""No satellite has flown so far: scenes of `python -m ingest sample` have orbits from here on."""

POLYGONS: Final = "polygons"
"""Group of a scene's store whose attribute has the code rows of its chart."""

POLYGON_ID: Final = "polygon_id"
"""SAR-grid variable: id of the ice-chart polygon of each pixel."""

POLYGON_CODES: Final = "polygon_codes"
"""That attribute: header and one row per polygon, as in the raw file."""


class SceneRecord(BaseModel):
    """One row of the catalog, and the attributes of the scene's store.

    Attributes:
        scene_id: Acquisition start and provider, `20180325T194759_dmi`.
        source: Name of the file.
        archive: Which archive the file came from; `predict` is none of both: a scene to apply networks to.
        product: What the file is: `raw` (40 m) or `ready_to_train` (80 m, has even ratios only).
        pixel_spacing: Metres between the SAR pixels of the file, 40 or 80.
        charted: Whether there is an ice chart. The first release of the test archive has none: its scenes stay in the
            test split for prediction, all charts 255, and are never scored.
        split: Given by the catalog, which sees all scenes; None in a scene's own store. `unused` are training scenes
            that share an orbit pass with a test scene or have no chart, and scenes that their authors withdrew.
            `predict` are scenes that were built to be predicted only: nothing is trained, chosen or scored on them.
        unused: Why, where the split is `unused`.
        acquired: Start of the acquisition, UTC.
        stopped: End of the acquisition, UTC.
        satellite: `S1A` or `S1B`.
        orbit: Absolute orbit number.
        provider: Ice service, `dmi` or `cis`.
        region: Ice-chart region.
        location: Location category of the region.
        season: Season of the month of `stopped`.
        cryoseason: Melt or freeze; None where the melt maps have no dates or were not given.
        melt_cells: Share of the 25 km cells under the scene that have melt and freeze dates, and so decided
            `cryoseason`; None where melt maps were not given.
        lines: SAR lines of 40 m, whatever the product: the grid of a ratio has `lines // ratio`. A ready-to-train file
            counts twice its own, so one less than the raw file where that is odd.
        samples: SAR samples of 40 m, counted as the lines.
        bbox: West, south, east, north in degrees; west > east where the scene crosses the antimeridian.
        pixels: Pixel count of each class at full resolution, by chart; 255 is unlabelled. In pixels of 40 m: each of a
            ready-to-train file counts four.
        dropped: Full-resolution pixels left without a label although they carry a polygon id, by reason: `no_row` (no
            code row for the id), `no_code` (ice polygon without any concentration code), and `SIC_code`, `SOD_code`,
            `FLOE_code` (a code outside the tables).
        implausible: Values of the file that no instrument measures and that became no data, by channel; pixels of the
            file, cells for AMSR2 and ERA5. See `datasets.channels.Channel.plausible`.
        recipe: Digest of the recipe that built the scene.
        fingerprint: Hash of the scene's channel statistics and class counts: changes when the content does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scene_id: str
    source: str
    archive: Archive
    product: Product = "raw"
    pixel_spacing: int = 40
    charted: bool = True
    split: Split | None = None
    unused: str | None = None
    acquired: datetime
    stopped: datetime
    satellite: str
    orbit: int
    provider: Literal["dmi", "cis"]
    region: str
    location: Location
    season: Season
    cryoseason: Cryoseason | None = None
    melt_cells: float | None = None
    lines: int
    samples: int
    bbox: tuple[float, float, float, float]
    pixels: dict[str, dict[int, int]]
    dropped: dict[str, int]
    implausible: dict[str, int] = {}
    recipe: str
    fingerprint: str

    @property
    def orbit_pass(self) -> tuple[str, int]:
        """Scenes with the same value are frames of one pass; a split keeps them together."""
        return (self.satellite, self.orbit)

    @property
    def synthetic(self) -> bool:
        """Whether no satellite saw it: a sample to try things out, whose scores say nothing about ice."""
        return self.orbit >= FIRST_SYNTHETIC_ORBIT

    def labelled(self, chart: str) -> int:
        """Full-resolution pixels with a class in this chart."""
        return sum(count for value, count in self.pixels[chart].items() if value != 255)


class Scene:
    """One scene of a lake. Cheap to make: it reads nothing until it has to."""

    def __init__(self, record: SceneRecord, store: SceneStore) -> None:
        self.record = record
        self._store = store

    def open(self, ratio: int = 2) -> "xr.Dataset":
        """Opens the SAR grid of a ratio, lazily, in physical units.

        Returns:
            Dims (line, sample); float32 channels with NaN for no data, uint8 charts with 255 for no label,
            attribute `pixel_spacing` in metres.

        Raises:
            SceneNotFoundError: The scene has no such ratio.
        """
        return self._store.dataset(f"r{ratio}")

    def open_km2(self) -> "xr.Dataset":
        """Opens AMSR2 and ERA5 on their own grid, dims (line_2km, sample_2km)."""
        return self._store.dataset("km2")

    def shape(self, ratio: int) -> tuple[int, int]:
        """Lines and samples of the grid of a ratio."""
        return self.record.lines // ratio, self.record.samples // ratio

    def window(self, ratio: int, name: str, lines: slice, samples: slice) -> NDArray[np.generic]:
        """Reads a window of one SAR-grid variable, in physical units; dtype as in `open`."""
        return self._store.read(f"r{ratio}", name, (lines, samples))

    def windows(
        self,
        ratio: int,
        names: Iterable[str],
        lines: slice,
        samples: slice,
        out: Mapping[str, NDArray[Any]] | None = None,
        *,
        packed: bool = False,
    ) -> dict[str, NDArray[np.generic]]:
        """Reads a window of several SAR-grid variables at the same time; by name, with `packed` as they are stored.

        Into the arrays of `out`, by name, where there are any; else dtype as in `open`.
        """
        places = {f"r{ratio}/{name}": place for name, place in (out or {}).items()}
        wanted = dict.fromkeys((f"r{ratio}/{name}" for name in names), (lines, samples))
        found = self._store.read_many(wanted, places, packed=packed)
        return {key.partition("/")[2]: values for key, values in found.items()}

    def stored(self, ratio: int, name: str) -> tuple[np.dtype[Any], Packing | None]:
        """Type of a SAR-grid variable in the store, and how its numbers become physical values; None if they are."""
        return self._store.stored(f"r{ratio}", name)

    def whole(self, ratio: int, names: Iterable[str]) -> dict[str, NDArray[np.generic]]:
        """Reads variables whole, all at the same time.

        Args:
            ratio: Grid of the variables of the SAR grid.
            names: Charts and channels; AMSR2 and ERA5 channels come on their 2 km grid.

        Returns:
            By name; (lines, samples) or (line_2km, sample_2km), in physical units, dtype as in `open`.
        """
        on_km2 = {name for name, channel in CHANNELS.items() if channel.grid == "km2"}
        found = self._store.read_many({f"km2/{name}" if name in on_km2 else f"r{ratio}/{name}": () for name in names})
        return {key.partition("/")[2]: values for key, values in found.items()}

    def km2(self, name: str) -> NDArray[np.generic]:
        """Reads one 2 km variable whole, (line_2km, sample_2km)."""
        return self._store.read("km2", name, (slice(None), slice(None)))

    def km2_shape(self, name: str) -> tuple[int, int]:
        """Lines and samples of one 2 km variable."""
        lines, samples = self._store.shape("km2", name)
        return lines, samples

    def charts(self, ratio: int, dominance: Dominance) -> dict[str, NDArray[np.uint8]]:
        """SIC, SOD and FLOE at other shares of dominance than the lake was built with, from the polygons of its chart.

        At ratio 1 as a build with `--dominance` gives them. At others a block has the class of the polygon in its
        middle, where a build reduces the classes of its pixels.

        Args:
            ratio: Grid.
            dominance: Shares from which a stage or floe size names a polygon.

        Returns:
            (lines, samples) uint8 by chart, 255 = no label.

        Raises:
            SceneNotFoundError: The scene has no such ratio, or no polygons.
        """
        classes = classify(parse_codes(self.polygon_codes()), dominance)
        ids = self._store.read(f"r{ratio}", POLYGON_ID).astype(np.uint16, copy=False)
        return dict(rasterize(ids, classes).charts)

    @property
    def lacks_polygons(self) -> bool:
        """Whether its raw file has polygons that the store has not: it was migrated from a format without them."""
        return self.record.product == "raw" and self.record.charted and not self._store.has_group(POLYGONS)

    def class_table(self, targets: Sequence[str], dominance: float) -> NDArray[np.uint8]:
        """Class of every polygon id at a share of dominance, (targets, 65536) uint8, 255 = no label; as `charts`."""
        polygons = classify(parse_codes(self.polygon_codes()), Dominance(dominance, dominance))
        return np.stack([class_table(polygons.classes[name]) for name in targets])

    def polygon_codes(self) -> tuple[str, ...]:
        """Header and code rows (SIGRID-3) of the polygons of `polygon_id`; see `datasets.sigrid.parse_codes`.

        Raises:
            SceneNotFoundError: The scene has no polygons: it is of the ready-to-train product, has no chart, or comes
                from a lake of format 1.
        """
        if not self._store.has_group(POLYGONS):
            why = (
                "was migrated from a lake of format 1, which had none: give its raw file to `python -m ingest build`"
                if self.lacks_polygons
                else "is of the ready-to-train product, which has none: build it from its raw file in another lake"
                if self.record.charted
                else "has no ice chart"
            )
            raise SceneNotFoundError(f"scene {self.record.scene_id} has no polygons, since it {why}")
        return tuple(self._store.group_attributes(POLYGONS)[POLYGON_CODES])

    def tie_points(self) -> dict[str, NDArray[np.float64]]:
        """The geolocation points of the raw file: `sar_grid_line`, `sar_grid_latitude`, ..., (points,) float64 each."""
        return {str(name): values.to_numpy() for name, values in self._store.dataset("tie_points").items()}

    @property
    def moments(self) -> Mapping[str, Mapping[str, tuple[int, float, float]]]:
        """Count, mean and M2 of each channel by group, as ingest left them."""
        return self._store.moments
