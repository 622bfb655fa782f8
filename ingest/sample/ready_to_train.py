"""The ready-to-train form of a synthetic scene, made from its raw file by the procedure of the product.

80 m pixels: 2 x 2 mean of SAR, incidence angle and distance zone, 2 x 2 maximum of the charts (so 255 wins); charts and
SAR have no data where the other has none and on land; z-scores with the published mean and standard deviation; no data
is 0 in SAR and 255 in charts (AutoICE starter kit and dataset manual; what the masks are exactly is inferred).
"""

from pathlib import Path
from typing import Any, Final

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets.labels import CHARTS, IGNORE
from ingest.charts import NO_POLYGON, polygon_classes, rasterize
from ingest.sample.schema import VARIABLES
from ingest.source import parse_name
from ingest.standardization import standardized

_SAR: Final = ("nersc_sar_primary", "nersc_sar_secondary")
_SAR_DIMS: Final = ("sar_lines", "sar_samples")
_GRID_DIMS: Final = ("sar_sample_2dgrid_points", "sar_line_2dgrid_points")  # the product's own names, lines first
_TITLES: Final = {"SIC": "Sea Ice Concentration [%]", "SOD": "Stage of Development", "FLOE": "Floe Size"}


def write_ready_to_train(raw: Path, target: Path, original_id: str, reference: Path | None = None) -> None:
    """Writes the ready-to-train form of a raw file.

    Args:
        raw: Raw file of the generator.
        target: File to write, `20180325T194759_dmi_prep.nc`.
        original_id: Archive name of the raw file.
        reference: File for the charts, as in the test archive; None puts them into `target`.
    """
    with xr.open_dataset(raw, engine="netcdf4", decode_times=False) as scene, netCDF4.Dataset(target, "w") as file:
        blocks = tuple(size // 2 for size in (scene.sizes["sar_lines"], scene.sizes["sar_samples"]))
        provider = parse_name(original_id).provider
        file.setncatts(
            {
                "scene_id": target.name.removesuffix(".part"),
                "original_id": original_id,
                "ice_service": provider,
                "flip": 0,
                "pixel_spacing": 80,
            }
        )
        _define_dims(file, blocks)
        bands = {name: _quarters(scene[name].values).mean(axis=0) for name in _SAR}
        land = (_quarters(scene.distance_map.values) == 0).any(axis=0)
        invalid = land | np.isnan(bands[_SAR[0]]) | np.isnan(bands[_SAR[1]])
        charts = {name: np.where(invalid, IGNORE, values) for name, values in _charts(scene).items()}
        if reference is None:
            _write_charts(file, charts)
        else:
            with netCDF4.Dataset(reference, "w") as beside:
                _define_dims(beside, blocks)
                _write_charts(beside, charts)
        _write_grid(file, scene)
        for name, values in {**bands, "sar_incidenceangle": _quarters(_incidence(scene)).mean(axis=0)}.items():
            scores = np.where(invalid, np.float32(0), standardized(name, values))
            _write(file, name, _SAR_DIMS, scores, {**_attributes(scene, name), "variable_fill_value": 0})
        zones = standardized("distance_map", _quarters(scene.distance_map.values).mean(axis=0))
        _write(file, "distance_map", _SAR_DIMS, zones, _attributes(scene, "distance_map"))
        coarse = ("2km_grid_lines", "2km_grid_samples")
        for dim in coarse:
            file.createDimension(dim, scene.sizes[dim])
        for variable in VARIABLES:
            if variable.dims == coarse and variable.dtype == "f8":
                scores = standardized(variable.name, scene[variable.name].values)
                _write(file, variable.name, coarse, scores, _attributes(scene, variable.name))


def _quarters(values: NDArray[Any]) -> NDArray[Any]:
    """The four pixels of each block, (4, lines // 2, samples // 2); an odd last line or sample is left out."""
    lines, samples = (size // 2 * 2 for size in values.shape)
    whole = values[:lines, :samples]
    return np.stack([whole[row::2, column::2] for row in (0, 1) for column in (0, 1)])


def _charts(scene: xr.Dataset) -> dict[str, NDArray[np.uint8]]:
    ids = scene.polygon_icechart.fillna(NO_POLYGON).values.astype(np.uint16)
    made = rasterize(ids, polygon_classes([str(row) for row in scene.polygon_codes.values])).charts
    return {name: _quarters(made[name]).max(axis=0) for name in CHARTS}


def _incidence(scene: xr.Dataset) -> NDArray[np.float32]:
    """Incidence angle of every pixel, (lines, samples) float32 degrees, linear between the tie points."""
    nodes = [np.unique(scene[f"sar_grid_{name}"]) for name in ("line", "sample")]
    grid = scene.sar_grid_incidenceangle.values.reshape(nodes[0].size, nodes[1].size)
    line, sample = (np.arange(scene.sizes[dim]) for dim in _SAR_DIMS)
    along = np.stack([np.interp(line, nodes[0], column) for column in grid.T], axis=1)
    return np.stack([np.interp(sample, nodes[1], row).astype(np.float32) for row in along])


def _define_dims(file: netCDF4.Dataset, blocks: tuple[int, ...]) -> None:
    for dim, size in zip(_SAR_DIMS, blocks, strict=True):
        file.createDimension(dim, size)


def _write_charts(file: netCDF4.Dataset, charts: dict[str, NDArray[np.uint8]]) -> None:
    for name, values in charts.items():
        attributes = {"polygon": _TITLES[name], "chart_fill_value": IGNORE}
        _write(file, name, _SAR_DIMS, values.astype(np.uint8), attributes)


def _write_grid(file: netCDF4.Dataset, scene: xr.Dataset) -> None:
    shape = tuple(np.unique(scene[f"sar_grid_{name}"]).size for name in ("line", "sample"))
    for dim, size in zip(_GRID_DIMS, shape, strict=True):
        file.createDimension(dim, size)
    for name in ("latitude", "longitude"):
        _write(file, f"sar_grid2d_{name}", _GRID_DIMS, scene[f"sar_grid_{name}"].values.reshape(shape), {})


def _attributes(scene: xr.Dataset, name: str) -> dict[str, Any]:
    return dict(scene[name].attrs) if name in scene else {}


def _write(
    file: netCDF4.Dataset, name: str, dims: tuple[str, ...], values: NDArray[Any], attributes: dict[str, Any]
) -> None:
    variable = file.createVariable(name, values.dtype, dims, zlib=True, complevel=1)
    variable[:] = values
    variable.setncatts(attributes)
