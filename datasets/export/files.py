"""The files of patches in three formats: whole or not there, with bytes that their content decides."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.errors import MissingPackageError
from datasets.export.patch_list import Patch
from datasets.export.settings import ExportSettings
from datasets.labels import IGNORE
from datasets.storage import replace

IMAGES: Final = "images"
MASKS: Final = "masks"


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchContent:
    """What is written of a patch.

    Attributes:
        patch: Which.
        image: (channels, side, side).
        mask: (side, side), 255 = no label.
        ties: (points, 4) pixel across, pixel down (0 is the corner of the first), longitude, latitude.
    """

    patch: Patch
    image: NDArray[np.float32]
    mask: NDArray[np.uint8]
    ties: NDArray[np.float64]


class PatchFiles(Protocol):
    """Where patches are written to."""

    def put(self, split: str, place: int, content: PatchContent) -> None:
        """Writes a patch of a split, of which it is the one at `place`."""

    def names(self, split: str, patch: Patch) -> tuple[str, str]:
        """Image and mask of a patch, as paths in the folder."""


def patch_files(folder: Path, settings: ExportSettings, patches: Mapping[str, Sequence[Patch]]) -> PatchFiles:
    """The files of an export; raises MissingPackageError before anything is written."""
    if settings.format == "zarr":
        return _ZarrGroups(folder, settings, {split: len(found) for split, found in patches.items()})
    return _GeoTiffs(folder, settings) if settings.format == "geotiff" else _Npz(folder, settings)


def check_format(settings: ExportSettings) -> None:
    """Raises MissingPackageError where the format needs a package that is not installed."""
    if settings.format == "geotiff":
        try:
            import rasterio  # noqa: F401
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                "GeoTIFF patches need rasterio, which is not installed: pip install 'icebench[maps]', or take "
                "--format npz or zarr"
            ) from error


@dataclass(frozen=True, kw_only=True)
class _Single:
    """One file for each image and mask."""

    folder: Path
    settings: ExportSettings
    suffix: str

    def names(self, split: str, patch: Patch) -> tuple[str, str]:
        image, mask = (f"{split}/{kind}/{patch.name}{self.suffix}" for kind in (IMAGES, MASKS))
        return image, mask


class _Npz(_Single):
    def __init__(self, folder: Path, settings: ExportSettings) -> None:
        super().__init__(folder=folder, settings=settings, suffix=".npz")

    def put(self, split: str, place: int, content: PatchContent) -> None:
        of_image, of_mask = self.names(split, content.patch)
        for name, key, values in ((of_image, "image", content.image), (of_mask, "mask", content.mask)):
            file = io.BytesIO()
            arrays: dict[str, Any] = {key: values, "ties": content.ties}
            np.savez_compressed(file, **arrays)
            replace(str(self.folder / name), file.getvalue())


class _GeoTiffs(_Single):
    def __init__(self, folder: Path, settings: ExportSettings) -> None:
        super().__init__(folder=folder, settings=settings, suffix=".tif")

    def put(self, split: str, place: int, content: PatchContent) -> None:
        channels, target, patch = self.settings.channels, self.settings.target, content.patch
        tags = {"scene_id": patch.scene_id, "line": patch.line, "sample": patch.sample, "ratio": self.settings.ratio}
        of_image, of_mask = self.names(split, patch)
        units = [CHANNELS[name].units for name in channels]
        replace(str(self.folder / of_image), _geotiff(content.image, channels, units, tags, content.ties))
        replace(str(self.folder / of_mask), _geotiff(content.mask[None], [target], ["1"], tags, content.ties))


def _geotiff(
    bands: NDArray[Any], names: Sequence[str], units: Sequence[str], tags: Mapping[str, object], ties: NDArray[Any]
) -> bytes:
    """A file with control points and no value for no data: tools that honour one would make NaN of 255."""
    from rasterio.control import GroundControlPoint
    from rasterio.io import MemoryFile

    points = [
        GroundControlPoint(row=down, col=across, x=longitude, y=latitude, z=0.0, id=str(number))
        for number, (across, down, longitude, latitude) in enumerate(ties.tolist())
    ]
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=len(bands),
            height=bands.shape[1],
            width=bands.shape[2],
            dtype=bands.dtype.name,
            crs="EPSG:4326",
            gcps=points,
            compress="deflate",
            zlevel=6,
            num_threads=1,
        ) as file:
            file.write(bands)
            file.descriptions, file.units = tuple(names), tuple(units)
            file.update_tags(**tags)
        return bytes(memory.read())


@dataclass
class _ZarrGroups:
    """One group for each split, with an array of all images and one of all masks; a patch is one chunk of each."""

    folder: Path
    settings: ExportSettings
    sizes: Mapping[str, int]
    _arrays: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        import zarr

        side, channels = self.settings.patch, self.settings.channels
        for split, count in self.sizes.items():
            group = zarr.open_group(str(self.folder / split / "patches.zarr"), mode="a", zarr_format=3)
            if "mask" not in group:
                group.create_array(
                    "image",
                    shape=(count, len(channels), side, side),
                    chunks=(1, len(channels), side, side),
                    dtype="float32",
                    dimension_names=("patch", "channel", "line", "sample"),
                    attributes={"channels": list(channels), "units": [CHANNELS[name].units for name in channels]},
                    overwrite=True,
                )
                group.create_array(
                    "mask",
                    shape=(count, side, side),
                    chunks=(1, side, side),
                    dtype="uint8",
                    fill_value=IGNORE,
                    dimension_names=("patch", "line", "sample"),
                    attributes={"target": self.settings.target, "classes": list(self.settings.chart.classes)},
                )
            self._arrays[split] = group["image"], group["mask"]

    def names(self, split: str, patch: Patch) -> tuple[str, str]:
        return f"{split}/patches.zarr/image", f"{split}/patches.zarr/mask"

    def put(self, split: str, place: int, content: PatchContent) -> None:
        images, masks = self._arrays[split]
        images[place], masks[place] = content.image, content.mask
