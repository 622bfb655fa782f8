"""Class maps of test scenes as files: written for a leaderboard, and read back with everything checked.

A folder holds one map per test scene, `<scene_id>.zarr` (Zarr format 3) or `<scene_id>.nc` (netCDF 4), each a data set
with one variable, named as the chart (`SOD`), dims (line, sample), class numbers 0..n-1 as uint8, on the grid of one
ratio of the lake: 80 m unless said otherwise. 255 is no class; it may stand only where the ice chart has no label.
"""

import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets import class_colours
from datasets.catalog import Catalog
from datasets.errors import IceBenchError, unknown_name
from datasets.grids import pixel_spacing
from datasets.labels import IGNORE, Chart
from datasets.lake import Lake
from datasets.plural import plural
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metric_names import class_key

Kind = Literal["zarr", "netcdf"]

ENDINGS: Final[dict[Kind, str]] = {"zarr": ".zarr", "netcdf": ".nc"}
"""End of the name of a file of each kind."""
DIMS: Final = ("line", "sample")
LAND: Final = class_colours.LAND.code
"""Number of land in maps of classes; where the chart has no label it is no class, as 255."""


class PredictionError(IceBenchError, ValueError):
    """Predictions are not of the test scenes, or are not maps of classes."""


def write_prediction(
    classes: NDArray[np.uint8], chart: Chart, folder: Path, *, scene_id: str, ratio: int, kind: Kind, source: str
) -> Path:
    """Writes the map of one scene, (lines, samples) uint8 on the grid of `ratio`, and returns its path.

    The folder is made if it is not there; `source` tells the reader what made the map. It is there when it is whole.
    """
    attributes = {
        "Conventions": "CF-1.10",
        "title": f"{chart.long_name} of Sentinel-1 scene {scene_id}",
        "source": source,
        "scene_id": scene_id,
        "ratio": ratio,
        "pixel_spacing": float(pixel_spacing(ratio)),
    }
    numbers = np.arange(chart.n_classes, dtype=np.uint8)
    of_classes = {
        "long_name": chart.long_name,
        "units": "1",
        "flag_values": numbers.tolist() if kind == "zarr" else numbers,
        "flag_meanings": " ".join(map(class_key, chart.classes)),
    }
    data = xr.Dataset({chart.name: (DIMS, classes, of_classes)}, attrs=attributes)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{scene_id}{ENDINGS[kind]}"
    part = folder / f".{path.name}.part"
    if kind == "zarr":
        data.to_zarr(part, mode="w", zarr_format=3, consolidated=False)
        shutil.rmtree(path, ignore_errors=True)
    else:
        data.to_netcdf(part, engine="netcdf4", encoding={chart.name: {"zlib": True, "complevel": 4}})
    return part.replace(path)


def check_kind(kind: str) -> Kind:
    """Whether maps can be written as this kind of file; raises PredictionError or UnknownNameError."""
    if kind not in ENDINGS:
        raise unknown_name("kind of file", kind, ENDINGS)
    if kind == "netcdf" and find_spec("netCDF4") is None:
        raise PredictionError("netCDF files need netCDF4, which is not installed: install it, or write zarr")
    return kind


def prediction_files(folder: Path, scenes: Catalog) -> dict[str, Path]:
    """The file of every test scene, by scene_id.

    Raises:
        PredictionError: There is no such folder, a file is of another scene, a scene has none, or two.
    """
    if not folder.is_dir():
        raise PredictionError(
            f"there is no folder {str(folder)!r}: give the folder with one class map for each test scene "
            "(SCENE_ID.zarr or SCENE_ID.nc)"
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in ENDINGS.values():
            continue
        if path.stem in found:
            raise PredictionError(f"{str(folder)!r} has both {found[path.stem].name} and {path.name}: keep one of them")
        found[path.stem] = path
    wanted = set(scenes.scene_ids)
    if strangers := [name for name in found if name not in wanted]:
        raise PredictionError(
            f"{_listed(found[name].name for name in strangers)} in {str(folder)!r} is of no test scene of the lake: "
            f"it has {plural(len(wanted), 'test scene')}, {_listed(scenes.scene_ids)}"
        )
    if missing := [name for name in scenes.scene_ids if name not in found]:
        raise PredictionError(
            f"{str(folder)!r} has no map of {_listed(missing)}: test scenes are scored together, so each of the "
            f"{len(wanted)} needs one"
        )
    return {name: found[name] for name in scenes.scene_ids}


def read_prediction(path: Path, chart: Chart, shape: tuple[int, int], truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reads the map of one scene, (lines, samples) uint8.

    `truth` is its chart, (lines, samples) uint8, 255 = no label: a labelled pixel must have a class.

    Raises:
        PredictionError: The file cannot be read, lacks the chart, has another shape, NaN, or numbers that are no class.
    """
    values = _values(path, chart)
    if values.shape != shape:
        raise PredictionError(
            f"{path.name} has {' x '.join(map(str, values.shape))} pixels and the scene has {shape[0]} x {shape[1]}: "
            "give the map on the grid of the chart (dims line, sample)"
        )
    if nan := np.count_nonzero(np.isnan(values)):
        raise PredictionError(
            f"{path.name} has {plural(int(nan), 'pixel')} of NaN: every labelled pixel needs a class, and {IGNORE} is "
            "for no class where the chart has no label"
        )
    land = values == LAND
    if wrong_land := np.count_nonzero(land & (truth != IGNORE)):
        raise PredictionError(
            f"{path.name} has {plural(int(wrong_land), 'pixel')} of {LAND}, which is land, where "
            "the chart has a label, and each of these needs a class: write maps with `python -m training predict "
            "--leaderboard`, which gives land a class too"
        )
    values = np.where(land, IGNORE, values)
    wrong = ~np.isin(values, [*range(chart.n_classes), IGNORE])
    if wrong.any():
        raise PredictionError(
            f"{path.name} has {plural(int(wrong.sum()), 'pixel')} whose value is no class of {chart.name} (such as "
            f"{values[wrong][0]:g}): classes are 0 to {chart.n_classes - 1}, and {IGNORE} for none"
        )
    classes = values.astype(np.uint8)
    if empty := np.count_nonzero((classes == IGNORE) & (truth != IGNORE)):
        raise PredictionError(
            f"{path.name} has {plural(int(empty), 'pixel')} of {IGNORE} where the chart has a label: each of these "
            "needs a class"
        )
    return classes


def score_predictions(folder: Path, lake: Lake, chart: Chart, *, ratio: int) -> dict[str, ConfusionMatrix]:
    """Confusion matrix of every test scene of the lake, by scene_id, from one map per scene on the grid of the ratio.

    Raises:
        PredictionError: See `prediction_files` and `read_prediction`; or the lake has no test scene with a label, or
            not this ratio.
    """
    scenes = lake.catalog().split("test")
    if not scenes:
        raise PredictionError(f"the lake {lake.url!r} has no test scene to score predictions on: give another lake")
    if not (scenes.labelled(chart.name) > 0).any():
        raise PredictionError(
            f"no test scene of the lake {lake.url!r} has a label in {chart.name}, so that there is nothing to score "
            "predictions by: give a lake whose test scenes have charts"
        )
    if ratio not in lake.ratios:
        raise PredictionError(
            f"the lake {lake.url!r} has no charts of ratio {ratio} ({pixel_spacing(ratio)} m), it has "
            f"{', '.join(map(str, lake.ratios))}: give another ratio or another lake"
        )
    found: dict[str, ConfusionMatrix] = {}
    for scene_id, path in prediction_files(folder, scenes).items():
        scene = lake.scene(scene_id)
        truth = scene.whole(ratio, (chart.name,))[chart.name].astype(np.uint8, copy=False)
        classes = read_prediction(path, chart, scene.shape(ratio), truth)
        found[scene_id] = ConfusionMatrix.from_arrays(truth, classes, chart.n_classes)
    return found


def _values(path: Path, chart: Chart) -> NDArray[Any]:
    """The numbers as they are in the file, dims (line, sample): a fill value stays a number."""
    is_zarr = path.suffix == ENDINGS["zarr"]
    how: dict[str, Any] = {"engine": "zarr", "consolidated": False} if is_zarr else {"engine": "netcdf4"}
    try:
        with xr.open_dataset(path, mask_and_scale=False, decode_times=False, **how) as data:
            if chart.name not in data:
                raise PredictionError(
                    f"{path.name} has no variable {chart.name} (it has {', '.join(map(str, data)) or 'none'}): name "
                    "the class map so"
                )
            found = data[chart.name]
            values: NDArray[Any] = (found.transpose(*DIMS) if {*found.dims} == {*DIMS} else found).to_numpy()
    except PredictionError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PredictionError(
            f"{path.name} cannot be read ({reason}): write it with xarray, as SCENE_ID.zarr or SCENE_ID.nc"
        ) from error
    if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
        raise PredictionError(f"{path.name} holds {values.dtype} and no class numbers: write {chart.name} as uint8")
    return values


def _listed(names: Iterable[str], most: int = 3) -> str:
    """The first names, and how many more."""
    found = list(names)
    more = len(found) - most
    return ", ".join(found[:most]) + (f" and {more} more" if more > 0 else "")
