"""The other forms in which the archives published their scenes, each made from a raw sample file.

Ready to train, by the procedure of that product: 80 m pixels, 2 x 2 mean of SAR, incidence angle and distance zone,
2 x 2 maximum of the charts (so 255 wins); charts and SAR have no data where the other has none and on land; z-scores
with the published mean and standard deviation; no data is 0 in SAR and 255 in charts (AutoICE starter kit and dataset
manual; what the masks are exactly is inferred).
"""

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets.chart_rasters import rasterize
from datasets.labels import CHARTS, IGNORE
from datasets.sigrid import NO_POLYGON, Dominance, classify, parse_codes
from datasets.tie_grid import INCIDENCE
from ingest.geometry import TiePoints
from ingest.reduce import block_max, block_mean
from ingest.source import parse_name, reference_path
from ingest.standardization import MEAN_STD
from ingest.variables import CODES, DISTANCE, HH, HV, KM2, KM2_DIMS, POLYGONS, SAR_DIMS, TIE_POINTS

Form = Literal["raw-test-v1", "ready-to-train", "ready-to-train-test"]
"""`raw-test-v1`: first release of the test scenes, without charts. `ready-to-train-test`: charts in a file beside."""

_GRID_DIMS: Final = ("sar_sample_2dgrid_points", "sar_line_2dgrid_points")  # the product's own names, lines first
_TITLES: Final = {"SIC": "Sea Ice Concentration [%]", "SOD": "Stage of Development", "FLOE": "Floe Size"}


def write_form(raw: Path, folder: Path, form: Form) -> Path:
    """Writes a form of a raw file into a folder, under its archive name; returns the path of the scene."""
    name = parse_name(raw.name)
    if form == "raw-test-v1":
        path = folder / name.file_name.replace(".nc", "_testdata.nc")
        with xr.open_dataset(raw, engine="netcdf4", decode_cf=False) as scene:
            _write(scene.drop_vars([POLYGONS, CODES]), path)
        return path
    path = folder / f"{name.scene_id}_prep.nc"
    with xr.open_dataset(raw, engine="netcdf4", decode_times=False) as scene:
        product = _ready_to_train(scene).assign_attrs(
            scene_id=path.name, original_id=name.file_name, ice_service=name.provider, flip=0, pixel_spacing=80
        )
    if form == "ready-to-train-test":
        _write(product[list(CHARTS)].drop_attrs(deep=False), Path(reference_path(str(path))))
        product = product.drop_vars(CHARTS)
    _write(product, path)
    return path


def standardized(name: str, values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Physical values -> z-scores float32, any shape; NaN stays."""
    mean, std = MEAN_STD[name]
    return ((values.astype(np.float64) - mean) / std).astype(np.float32)


def _write(scene: xr.Dataset, path: Path) -> None:
    encoding = {str(name): {"zlib": True, "complevel": 1, "_FillValue": None} for name in scene.variables}
    scene.to_netcdf(path, engine="netcdf4", encoding=encoding)


def _ready_to_train(scene: xr.Dataset) -> xr.Dataset:
    invalid = np.isnan(scene[HH].values) | np.isnan(scene[HV].values) | (scene[DISTANCE].values == 0)
    masked = block_max(invalid.astype(np.uint8), 2) > 0
    ids = scene[POLYGONS].fillna(NO_POLYGON).values.astype(np.uint16)
    charts = rasterize(ids, classify(parse_codes([str(row) for row in scene[CODES].values]), Dominance())).charts
    made: dict[str, Any] = {}
    for name in CHARTS:
        values = np.where(masked, np.uint8(IGNORE), block_max(charts[name], 2))
        made[name] = (SAR_DIMS, values, {"polygon": _TITLES[name], "chart_fill_value": IGNORE})
    points = TiePoints.from_points({name: scene[name].values for name in TIE_POINTS})
    for name in ("latitude", "longitude"):
        values = scene[f"sar_grid_{name}"].values.reshape(points.lines.size, points.samples.size)
        made[f"sar_grid2d_{name}"] = (_GRID_DIMS, values)
    means = {name: block_mean(scene[name].values, 2) for name in (HH, HV)}
    means[INCIDENCE] = points.field(INCIDENCE, charts["SIC"].shape, 2)
    for name, values in means.items():
        attributes = {**(scene[name].attrs if name in scene else {}), "variable_fill_value": 0}
        made[name] = (SAR_DIMS, np.where(masked, np.float32(0), standardized(name, values)), attributes)
    made[DISTANCE] = (SAR_DIMS, standardized(DISTANCE, block_mean(scene[DISTANCE].values, 2)), scene[DISTANCE].attrs)
    for name in KM2:
        made[name] = (KM2_DIMS, standardized(name, scene[name].values), scene[name].attrs)
    return xr.Dataset(made)
