"""Small maps of a scored test scene as one file: SAR, land, charts and predictions, from which a report draws later.

A report is made from the record of trials, mostly where no lake and no GPU is. So each trial leaves what a figure can
show: some 300 x 300 pixels of every test scene, 50 to 150 kB. Trials of every ratio are on the same grid of a scene,
and can be laid side by side.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from datasets.block_reduction import block_mean, block_mode
from datasets.channels import CHANNELS
from datasets.errors import IceBenchError, TiePointsError
from datasets.grids import pixel_spacing
from datasets.loading.windows import land_pixels
from datasets.orientation import Orientation, north_of
from datasets.scene import Scene, SceneRecord
from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid
from training.evaluation.fixed_grid import to_grid

AnyPixel = TypeVar("AnyPixel", bound=np.generic)

ENDING: Final = ".npz"
_HH, _ZONES = "nersc_sar_primary", "distance_map"
_SIDE: Final = 400
"""Most pixels along a side: five maps side by side on a page have no room for more."""
_STEPS: Final = (2, 4, *range(10, 10_000, 10))
"""Raw pixels of a small one; multiples of 10 are whole blocks at ratios 2, 5 and 10."""
_GREYS: Final = 64
"""Shades of SAR: more cannot be told apart, and do not compress."""


class SmallMapError(IceBenchError, ValueError):
    """A file that holds no small maps."""


@dataclass(frozen=True, kw_only=True)
class SmallMap:
    """Small maps of one scene, dims (line, sample), as it is stored: `orientation` turns it north up.

    Attributes:
        words: Region, location and season, for readers.
        spacing_m: Of a pixel.
        sar: HH, uint8: 0 is no data, 1..64 rise with backscatter over the limits of the channel.
        land: bool.
        charts: Commonest label of each block by chart, uint8, 255 = no label.
        predicted: Commonest predicted class likewise, everywhere.
        orientation: How to draw it.
        north: Where north is once it is turned: parts to the right and upwards of an arrow of length 1.
    """

    scene_id: str
    words: str
    spacing_m: float
    sar: NDArray[np.uint8]
    land: NDArray[np.bool_]
    charts: Mapping[str, NDArray[np.uint8]]
    predicted: Mapping[str, NDArray[np.uint8]]
    orientation: Orientation
    north: tuple[float, float]

    def write(self, folder: Path) -> Path:
        """Writes it as `<scene_id>.npz` and returns the path."""
        about = {name: getattr(self, name) for name in ("scene_id", "words", "spacing_m", "north")}
        about |= {"orientation": asdict(self.orientation)}
        layers: dict[str, Any] = {"about": np.array(json.dumps(about)), "sar": self.sar, "land": self.land}
        layers |= {f"chart_{name}": values for name, values in self.charts.items()}
        layers |= {f"predicted_{name}": values for name, values in self.predicted.items()}
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.scene_id}{ENDING}"
        np.savez_compressed(path, **layers)
        return path

    @classmethod
    def parse(cls, content: bytes) -> "SmallMap":
        """Reads what `write` wrote; raises SmallMapError."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                layers = {name: stored[name] for name in stored.files}
            about = json.loads(str(layers.pop("about")))
            about |= {"orientation": Orientation(**about["orientation"]), "north": tuple(about["north"])}
            sar, land = layers.pop("sar"), layers.pop("land")
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise SmallMapError(f"these are no small maps of a scene ({error}): run the trial again") from error
        charts, predicted = (
            {name.removeprefix(kind): values for name, values in layers.items() if name.startswith(kind)}
            for kind in ("chart_", "predicted_")
        )
        return cls(**about, sar=sar, land=land, charts=charts, predicted=predicted)


def small_map(
    scene: Scene,
    ground: Mapping[str, NDArray[np.generic]],
    *,
    ratio: int,
    ground_ratio: int,
    charts: Mapping[str, NDArray[np.uint8]],
    predicted: Mapping[str, NDArray[np.uint8]],
) -> SmallMap:
    """Makes the small maps of a scene, from classes (line, sample) by chart at `ratio`.

    Charts are 255 where there is no label, predictions are everywhere. `ground` at `ground_ratio` is HH in dB, NaN = no
    data, and `distance_map` where the lake has it.
    """
    record = scene.record
    step = next(each for each in _STEPS if max(record.lines, record.samples) // each <= _SIDE)
    shape = record.lines // step, record.samples // step
    orientation, north = _orientation(scene)

    def mean(name: str) -> NDArray[np.float32]:
        return _reduced(ground[name].astype(np.float32, copy=False), ground_ratio, step, shape, block_mean)

    def commonest(of: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.uint8]]:
        return {name: _reduced(values, ratio, step, shape, block_mode) for name, values in of.items()}

    return SmallMap(
        scene_id=record.scene_id,
        words=where(record),
        spacing_m=float(pixel_spacing(step)),
        sar=_greys(mean(_HH)),
        land=land_pixels(mean(_ZONES)) if _ZONES in ground else np.zeros(shape, bool),
        charts=commonest(charts),
        predicted=commonest(predicted),
        orientation=orientation,
        north=north,
    )


def where(record: SceneRecord) -> str:
    """Region, location and seasons of a scene, as far as they are known."""
    return ", ".join(filter(None, (record.region, record.location, record.season, record.cryoseason)))


def _orientation(scene: Scene) -> tuple[Orientation, tuple[float, float]]:
    """How to turn it, and where north is then; as it is stored, north up, where tie points do not say it."""
    try:
        ties = TieGrid.from_points(scene.tie_points())
    except TiePointsError:
        return Orientation(), (0.0, 1.0)
    turned = Orientation.of_tie_grid(ties)
    return turned, north_of(turned.apply(ties.fields[LATITUDE]), turned.apply(ties.fields[LONGITUDE]))


def _reduced(
    values: NDArray[AnyPixel],
    ratio: int,
    step: int,
    shape: tuple[int, int],
    reduce: Callable[[NDArray[AnyPixel], int], NDArray[AnyPixel]],
) -> NDArray[AnyPixel]:
    """Blocks of raw pixels reduced to one each, or the pixel at their centre where pixels do not divide them."""
    lines, samples = shape
    if step % ratio == 0:
        return reduce(values, step // ratio)[:lines, :samples]
    return to_grid(values, ratio, step, shape)


def _greys(sar: NDArray[np.floating]) -> NDArray[np.uint8]:
    low, high = CHANNELS[_HH].limits
    shades = 1 + np.floor((_GREYS - 1) * np.clip((sar - low) / (high - low), 0.0, 1.0))
    return np.where(np.isfinite(sar), shades, 0).astype(np.uint8)
