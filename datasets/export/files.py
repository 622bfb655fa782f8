"""The files of patches in three formats: whole or not there, with bytes that their content decides."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from datasets.access import access, storage_options
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

    def put(self, split: str, number: int, content: PatchContent) -> None:
        """Writes a patch of a split, of which it is the one with this number."""

    def names(self, split: str, patch: Patch) -> tuple[str, str]:
        """Image and mask of a patch, as paths below the place of the export."""


def patch_files(place: str, settings: ExportSettings, patches: Mapping[str, Sequence[Patch]]) -> PatchFiles:
    """The files of an export in a folder or below a URL."""
    if settings.format == "zarr":
        return _ZarrGroups(place, settings, {split: len(found) for split, found in patches.items()})
    suffix, encode = (".tif", _geotiff) if settings.format == "geotiff" else (".npz", _npz)
    return _Single(place=place, suffix=suffix, encode=partial(encode, settings=settings))


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
    """One file for each image and mask, in folders of their own."""

    place: str
    suffix: str
    encode: Callable[[str, PatchContent], bytes]

    def names(self, split: str, patch: Patch) -> tuple[str, str]:
        image, mask = (f"{split}/{kind}/{patch.name}{self.suffix}" for kind in (IMAGES, MASKS))
        return image, mask

    def put(self, split: str, number: int, content: PatchContent) -> None:
        for name, kind in zip(self.names(split, content.patch), (IMAGES, MASKS), strict=True):
            replace(f"{self.place}/{name}", self.encode(kind, content))


def _npz(kind: str, content: PatchContent, settings: ExportSettings) -> bytes:
    file = io.BytesIO()
    values: dict[str, Any] = {"image": content.image} if kind == IMAGES else {"mask": content.mask}
    np.savez_compressed(file, **values, ties=content.ties)
    return file.getvalue()


def _geotiff(kind: str, content: PatchContent, settings: ExportSettings) -> bytes:
    """A file with control points and no value for no data: tools that honour one would make NaN of 255."""
    from rasterio.control import GroundControlPoint
    from rasterio.io import MemoryFile

    is_image, patch = kind == IMAGES, content.patch
    bands = content.image if is_image else content.mask[None]
    names = settings.channels if is_image else (settings.target,)
    points = [
        GroundControlPoint(row=down, col=across, x=longitude, y=latitude, z=0.0, id=str(number))
        for number, (across, down, longitude, latitude) in enumerate(content.ties.tolist())
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
            file.descriptions = names
            file.units = tuple(CHANNELS[name].units if is_image else "1" for name in names)
            file.update_tags(scene_id=patch.scene_id, line=patch.line, sample=patch.sample, ratio=settings.ratio)
        return bytes(memory.read())


@dataclass
class _ZarrGroups:
    """One group for each split, with an array of all images and one of all masks; a patch is one chunk of each."""

    place: str
    settings: ExportSettings
    sizes: Mapping[str, int]
    _arrays: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        import zarr

        side, channels = self.settings.patch, self.settings.channels
        for split, count in self.sizes.items():
            url = f"{self.place}/{split}/patches.zarr"
            with access(url):
                group = zarr.open_group(url, mode="a", zarr_format=3, storage_options=storage_options(url))
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

    def put(self, split: str, number: int, content: PatchContent) -> None:
        images, masks = self._arrays[split]
        with access(self.place):
            images[number], masks[number] = content.image, content.mask
