"""The forms in which the archives published their scenes, each made from a raw file.

Ready to train, by the procedure of that product: 80 m pixels, 2 x 2 mean of SAR, incidence angle and distance zone,
2 x 2 maximum of the charts (so 255 wins); charts and SAR have no data where the other has none and on land; z-scores
with the published mean and standard deviation; no data is 0 in SAR and 255 in charts (AutoICE starter kit and dataset
manual; what the masks are exactly is inferred).
"""

from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets.labels import CHARTS, IGNORE
from ingest.charts import NO_POLYGON, polygon_classes, rasterize
from ingest.source import parse_name, reference_path
from ingest.standardization import standardized

Form = Literal["raw", "raw-test-v1", "ready-to-train", "ready-to-train-test"]
"""`raw-test-v1`: first release of the test scenes, without charts. `ready-to-train-test`: charts in a file beside."""

FORMS: tuple[Form, ...] = get_args(Form)

_SAR: Final = ("nersc_sar_primary", "nersc_sar_secondary")
_SAR_DIMS: Final = ("sar_lines", "sar_samples")
_KM2: Final = ("2km_grid_lines", "2km_grid_samples")
_GRID_DIMS: Final = ("sar_sample_2dgrid_points", "sar_line_2dgrid_points")  # the product's own names, lines first
_TITLES: Final = {"SIC": "Sea Ice Concentration [%]", "SOD": "Stage of Development", "FLOE": "Floe Size"}


def write_form(raw: Path, folder: Path, form: Form, *, original_id: str | None = None) -> Path:
    """Writes a form of a raw file; returns the path of the scene.

    Args:
        raw: Raw file.
        folder: Where the form goes, under its archive name; `ready-to-train-test` leaves its reference file there too.
        form: Which one; `raw` moves the file itself to its name.
        original_id: Archive name of the raw file, if `raw` has another one.
    """
    name = parse_name(original_id if original_id is not None else raw.name)
    if form == "raw":
        return raw.replace(folder / name.file_name)
    if form == "raw-test-v1":
        path = folder / name.file_name.replace(".nc", "_testdata.nc")
        with xr.open_dataset(raw, engine="netcdf4", decode_cf=False) as scene:
            _write(scene.drop_vars(["polygon_icechart", "polygon_codes"]), path)
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


def _write(scene: xr.Dataset, path: Path) -> None:
    # A name that no reader picks up: a killed run leaves no half file that looks whole.
    unfinished = path.with_name(path.name + ".part")
    encoding = {str(name): {"zlib": True, "complevel": 1, "_FillValue": None} for name in scene.variables}
    try:
        scene.to_netcdf(unfinished, engine="netcdf4", encoding=encoding)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _ready_to_train(scene: xr.Dataset) -> xr.Dataset:
    bands = {name: _quarters(scene[name].values).mean(axis=0) for name in _SAR}
    zones = _quarters(scene.distance_map.values)
    invalid = (zones == 0).any(axis=0) | np.isnan(bands[_SAR[0]]) | np.isnan(bands[_SAR[1]])
    ids = scene.polygon_icechart.fillna(NO_POLYGON).values.astype(np.uint16)
    charts = rasterize(ids, polygon_classes([str(row) for row in scene.polygon_codes.values])).charts
    made: dict[str, Any] = {}
    for name in CHARTS:
        values = np.where(invalid, IGNORE, _quarters(charts[name]).max(axis=0)).astype(np.uint8)
        made[name] = (_SAR_DIMS, values, {"polygon": _TITLES[name], "chart_fill_value": IGNORE})
    shape = tuple(np.unique(scene[f"sar_grid_{name}"]).size for name in ("line", "sample"))
    for name in ("latitude", "longitude"):
        made[f"sar_grid2d_{name}"] = (_GRID_DIMS, scene[f"sar_grid_{name}"].values.reshape(shape))
    for name, values in {**bands, "sar_incidenceangle": _quarters(_incidence(scene)).mean(axis=0)}.items():
        attributes = {**(scene[name].attrs if name in scene else {}), "variable_fill_value": 0}
        made[name] = (_SAR_DIMS, np.where(invalid, np.float32(0), standardized(name, values)), attributes)
    made["distance_map"] = (_SAR_DIMS, standardized("distance_map", zones.mean(axis=0)), scene.distance_map.attrs)
    for name in map(str, scene.data_vars):
        if scene[name].dims == _KM2 and scene[name].dtype == np.float64:
            made[name] = (_KM2, standardized(name, scene[name].values), scene[name].attrs)
    return xr.Dataset(made)


def _quarters(values: NDArray[Any]) -> NDArray[Any]:
    """The four pixels of each block, (4, lines // 2, samples // 2); an odd last line or sample is left out."""
    lines, samples = (size // 2 * 2 for size in values.shape)
    whole = values[:lines, :samples]
    return np.stack([whole[row::2, column::2] for row in (0, 1) for column in (0, 1)])


def _incidence(scene: xr.Dataset) -> NDArray[np.float32]:
    """Incidence angle of every pixel, (lines, samples) float32 degrees, linear between the tie points."""
    nodes = [np.unique(scene[f"sar_grid_{name}"]) for name in ("line", "sample")]
    grid = scene.sar_grid_incidenceangle.values.reshape(nodes[0].size, nodes[1].size)
    line, sample = (np.arange(scene.sizes[dim]) for dim in _SAR_DIMS)
    along = np.stack([np.interp(line, nodes[0], column) for column in grid.T], axis=1)
    return np.stack([np.interp(sample, nodes[1], row).astype(np.float32) for row in along])
