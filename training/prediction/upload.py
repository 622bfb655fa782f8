"""The upload file of the AutoICE challenge: SIC, SOD and FLOE of all test scenes at 80 m in one netCDF file.

As `test_upload.ipynb` of the starter kit writes it (astokholm/AI4ArcticSeaIceChallenge, commit 0e68bcd): for each
scene and chart a uint8 variable `<scene_id>_<chart>` with dims `<scene_id>_<chart>_dim0` and `_dim1`, without
attributes, compressed by zlib at level 1. The kit stores the network's class of every pixel, also on land and where
there is no SAR, since the organizers leave out what their chart has no label for. So those get the nearest class here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets.errors import IceBenchError
from datasets.labels import CHARTS, Chart
from training.evaluation.fixed_grid import to_grid
from training.output_folder import make_folder
from training.prediction.scene_map import DIMS

RATIO: Final = 2
"""80 m, the grid of the ready-to-train product, on which the challenge is scored."""


class UploadError(IceBenchError, ValueError):
    """Maps cannot be the upload of the challenge."""


def write_upload(maps: Sequence[tuple[Path, tuple[int, int]]], path: Path) -> Path:
    """Writes the upload file from the maps of all test scenes, one scene in memory at a time; all or nothing.

    Args:
        maps: `<scene_id>.zarr` or `.nc` as `training.prediction.scene_map` says, at any ratio, each with the lines and
            samples that the scene has at 80 m; in the order of the file.
        path: The file; replaced if it is there.

    Raises:
        UploadError: A map lacks a chart, or two are of one scene.
        OutputFolderError: The folder of `path` cannot be made or written.
    """
    if not maps:
        raise UploadError("there are no maps to upload: predict the test scenes first")
    make_folder(path.parent)
    part, seen = path.with_name(f".{path.name}.part"), dict[str, Path]()
    try:
        for place, shape in maps:
            how: dict[str, Any] = {"engine": "zarr", "consolidated": False} if place.suffix == ".zarr" else {}
            with xr.open_dataset(place, mask_and_scale=False, **how) as data:
                scene_id = _check(data, place, seen)
                ratio = int(data.attrs["ratio"])
                classes = {name: data[name].transpose(*DIMS).to_numpy() for name in CHARTS}
            found = {
                name: to_grid(_everywhere(own, CHARTS[name]), ratio, RATIO, shape) for name, own in classes.items()
            }
            names = {name: f"{scene_id}_{name}" for name in found}
            made = xr.Dataset({key: ((f"{key}_dim0", f"{key}_dim1"), found[name]) for name, key in names.items()})
            encoding = {key: {"zlib": True, "complevel": 1} for key in made}
            made.to_netcdf(part, mode="a" if seen else "w", engine="netcdf4", encoding=encoding)
            seen[scene_id] = place
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _check(data: xr.Dataset, place: Path, seen: dict[str, Path]) -> str:
    """The scene of a map that may be uploaded."""
    missing = [name for name in CHARTS if name not in data]
    if missing:
        raise UploadError(
            f"{place.name} has no map of {', '.join(missing)}: an upload holds {', '.join(CHARTS)}, so predict with a "
            "checkpoint of a trial of all three charts"
        )
    scene_id = str(data.attrs.get("scene_id", place.stem))
    if scene_id in seen:
        raise UploadError(f"{place.name} and {seen[scene_id].name} are both of scene {scene_id}: give one of them")
    return scene_id


def _everywhere(classes: NDArray[Any], chart: Chart) -> NDArray[np.uint8]:
    """The map with a class in every pixel: where it has none, that of the nearest pixel that has one."""
    from scipy.ndimage import distance_transform_edt

    none = classes >= chart.n_classes
    if none.all():
        return np.zeros(classes.shape, np.uint8)
    if none.any():
        nearest = distance_transform_edt(none, return_distances=False, return_indices=True)
        classes = classes[tuple(nearest)]
    return classes.astype(np.uint8, copy=False)
