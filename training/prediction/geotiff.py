"""GeoTIFF files of the map of a scene, for QGIS, GDAL and rasterio: in swath geometry, and on the grid of a projection.

For each chart two files in each form: its classes with colours and names, and its layers (probability of every class,
entropy, spread) as bands with descriptions and CF's scale. All have tiles, one after the other for each band, deflate
and overviews.

Where pixels lie comes from thin plate splines of GDAL over control points in the coordinates of the projection, in
which nothing jumps at 180 degrees and no meridians meet: to an eighth of a pixel. Polynomials miss by 0.4 to 2 pixels,
and geolocation arrays take ten times as long and more than 3 GB. Every layer is warped to the nearest pixel, so that a
pixel keeps its class and the probabilities that it follows from.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

import numpy as np
import xarray as xr

from datasets import class_colours
from datasets.errors import IceBenchError
from datasets.grids import POLAR, pixel_spacing
from datasets.labels import CHARTS, IGNORE, Chart
from training.output_folder import make_folder, scratch_folder
from training.prediction.georeference import ControlPoint, Georeference, MapGrid, control_points, grid_around
from training.prediction.scene_map import DIMS, LAND, LAYERS, layer_name

if TYPE_CHECKING:
    import rasterio
    from rasterio.control import GroundControlPoint

_TILE: Final = 512
_OPTIONS: Final[dict[str, Any]] = {"compress": "DEFLATE", "num_threads": "ALL_CPUS"}
_MEGABYTES: Final = 256
"""Memory of GDAL's warper, and of its cache."""


class GeoTiffError(IceBenchError, ValueError):
    """GeoTIFF files cannot be written: of this projection, of this map, or without rasterio."""


def check_projection(crs: str) -> None:
    """Looks before work begins whether maps can be written on a grid of this projection; raises GeoTiffError."""
    missing = [name for name in ("rasterio", "pyproj") if find_spec(name) is None]
    if missing:
        raise GeoTiffError(f"GeoTIFF files need {missing[0]}, which is not installed: pip install 'icebench[maps]'")
    import rasterio
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    allowed = f"give a projected one, such as {POLAR}, EPSG:3411 or EPSG:3978"
    try:
        with rasterio.Env():  # without it GDAL prints PROJ's words beside ours
            found = CRS.from_user_input(crs)
    except CRSError as error:
        raise GeoTiffError(f"the projection {crs!r} is unknown to PROJ: {allowed}") from error
    if not found.is_projected:
        raise GeoTiffError(f"{crs!r} is no projection with lengths in x and y, which a grid of pixels needs: {allowed}")


def check_place(places: Georeference, crs: str) -> None:
    """Looks before a network is asked whether the projection can show a scene; raises MapGridError."""
    grid_around(places.control_points(), crs, float(pixel_spacing(places.ratio)))


def geotiff_paths(data: xr.Dataset, folder: Path, *, crs: str = POLAR) -> list[Path]:
    """The files that `write_geotiff` makes of a map, in its order."""
    names = [chart.name if names == (chart.name,) else f"{chart.name}_layers" for chart, names in _files(data)]
    grid = crs.lower().replace(":", "") if crs.replace(":", "").isalnum() else "warped"
    files = [(name, f"{data.attrs['scene_id']}_{name}_{form}.tif") for form in ("swath", grid) for name in names]
    legends = [_legend(file) for name, file in files if name in CHARTS]
    return [folder / file for file in (*(file for _, file in files), *legends)]


def _legend(file: str | Path) -> str:
    """Where GDAL and QGIS look for the names of the classes of a file."""
    return f"{file}.aux.xml"


def write_geotiff(data: xr.Dataset, folder: Path, *, crs: str = POLAR) -> list[Path]:
    """Writes a map of a scene as GeoTIFF files, all or none, in bounded memory; files that are there are replaced.

    Args:
        data: As `training.prediction.scene_map` says, opened lazily and with `mask_and_scale=False`.
        folder: Where; made if it is not there.
        crs: Projection of the warped files, whose pixels are as large as the map's and at multiples of their size.

    Returns:
        `<scene_id>_<chart>_swath.tif`, `<scene_id>_<chart>_layers_swath.tif` and the same with `_epsg3413`; then, for
        each file of classes, `<name>.aux.xml` with their names.

    Raises:
        GeoTiffError: See `check_projection`; or the projection cannot show the scene, or the map is none.
        OutputFolderError: The folder cannot be made or written.
    """
    check_projection(crs)
    import rasterio

    if not _charts(data):
        raise GeoTiffError(f"the data set has no map of {', '.join(CHARTS)}: give a map that `predict` wrote")
    points = control_points(data)
    grid = grid_around(points, crs, float(data.attrs["pixel_spacing"]))
    paths = geotiff_paths(data, folder, crs=crs)
    make_folder(folder)
    with (
        scratch_folder(folder / f".{data.attrs['scene_id']}.part") as work,
        rasterio.Env(GDAL_CACHEMAX=_MEGABYTES, GDAL_PAM_ENABLED="NO"),
    ):
        files, made = _files(data), [work / path.name for path in paths]
        n = len(files)
        for (chart, names), swath, warped in zip(files, made[:n], made[n : 2 * n], strict=True):
            _write_swath(data, chart, names, swath)
            _warp(swath, warped, grid, points)
            for path, found in ((swath, points), (warped, ())):
                _finish(path, found)
                if names == (chart.name,):
                    Path(_legend(path)).write_text(_category_names(chart), encoding="utf-8")
        for path in made:
            path.replace(folder / path.name)
    return paths


def _charts(data: xr.Dataset) -> list[Chart]:
    return [chart for name, chart in CHARTS.items() if name in data]


def _files(data: xr.Dataset) -> list[tuple[Chart, tuple[str, ...]]]:
    """Which variables of which chart go into one file."""
    found = []
    for chart in _charts(data):
        layers = (layer_name(chart.name, layer) for layer in LAYERS)
        found += [(chart, (chart.name,)), (chart, tuple(name for name in layers if name in data))]
    return [(chart, names) for chart, names in found if names]


def _write_swath(data: xr.Dataset, chart: Chart, names: tuple[str, ...], path: Path) -> None:
    """Writes variables of a map as the bands of a file without a place, strip by strip."""
    import rasterio

    bands = [band for name in names for band in _descriptions(data, chart, name)]
    lines, samples = (data.sizes[dim] for dim in DIMS)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": len(bands), "height": lines, "width": samples}
    tiles = {"tiled": True, "blockxsize": _TILE, "blockysize": _TILE, "interleave": "band", "bigtiff": "IF_SAFER"}
    with rasterio.open(path, "w", nodata=IGNORE, **profile, **tiles, **_OPTIONS) as file:
        file.update_tags(**{name: str(value) for name, value in data.attrs.items()})
        for band, text in enumerate(bands, 1):
            file.set_band_description(band, text)
        if names == (chart.name,):
            file.write_colormap(1, _colours(chart))
        else:
            file.scales = (0.01,) * len(bands)
        for start in range(0, lines, _TILE):
            strip = data[list(names)].isel(line=slice(start, start + _TILE)).transpose(..., *DIMS)
            values = np.concatenate([strip[name].to_numpy().reshape(-1, *strip[name].shape[-2:]) for name in names])
            if values.dtype != np.uint8:
                raise GeoTiffError(f"the map holds {values.dtype}, not uint8: open it with mask_and_scale=False")
            file.write(values, window=((start, start + values.shape[1]), (0, samples)))


def _descriptions(data: xr.Dataset, chart: Chart, name: str) -> list[str]:
    if name == layer_name(chart.name, "probability"):
        return [f"{chart.name} probability of {each.replace('_', ' ')}" for each in chart.classes]
    return [str(data[name].attrs.get("long_name", name.replace("_", " ")))]


def _warp(source: Path, path: Path, grid: MapGrid, points: tuple[ControlPoint, ...]) -> None:
    """Warps all bands of a file to the nearest pixel, with all that is said about them."""
    import rasterio
    from rasterio.warp import reproject

    with rasterio.open(source, "r+") as file:
        file.gcps = (_gdal_points(points, grid.places), grid.crs)
    with rasterio.open(source) as file:
        profile = file.profile | {"height": grid.shape[0], "width": grid.shape[1], "crs": grid.crs}
        bands = list(file.indexes)
        with rasterio.open(path, "w", **(profile | {"transform": grid.transform})) as out:
            _say_the_same(file, out)
            reproject(
                rasterio.band(file, bands),
                rasterio.band(out, bands),
                src_crs=grid.crs,
                src_nodata=IGNORE,
                dst_nodata=IGNORE,
                warp_mem_limit=_MEGABYTES,
                SRC_METHOD="GCP_TPS",
            )


def _say_the_same(file: "rasterio.DatasetReader", out: "rasterio.DatasetWriter") -> None:
    out.update_tags(**{name: value for name, value in file.tags().items() if name != "AREA_OR_POINT"})
    out.descriptions, out.scales = file.descriptions, file.scales
    if file.count == 1:
        out.write_colormap(1, file.colormap(1))


def _finish(path: Path, points: tuple[ControlPoint, ...]) -> None:
    """Gives a file its overviews, and control points in longitude and latitude, as Sentinel-1's own files have them."""
    import rasterio
    from rasterio.enums import Resampling

    with rasterio.open(path, "r+") as file:
        if points:
            longitudes = np.unwrap([point.longitude for point in points], period=360)
            places = [(float(east), point.latitude) for east, point in zip(longitudes, points, strict=True)]
            file.gcps = (_gdal_points(points, places), rasterio.crs.CRS.from_epsg(4326))
        file.build_overviews(_overviews(max(file.shape)), Resampling.nearest)


def _overviews(size: int) -> list[int]:
    """Factors by two until all fits into a tile."""
    return [2**power for power in range(1, max(int(np.ceil(np.log2(size / _TILE))), 0) + 1)]


def _gdal_points(points: tuple[ControlPoint, ...], places: "list[tuple[float, float]]") -> "list[GroundControlPoint]":
    from rasterio.control import GroundControlPoint

    return [
        GroundControlPoint(row=point.line, col=point.sample, x=x, y=y, id=str(number))
        for number, (point, (x, y)) in enumerate(zip(points, places, strict=True), 1)
    ]


def _colours(chart: Chart) -> dict[int, tuple[int, int, int, int]]:
    """Colours of all numbers: those of no class are black, as an image has them; 255 cannot be seen."""
    colours = dict(enumerate(class_colours.class_colours(chart))) | {LAND: class_colours.LAND.colour}
    found = {value: (*bytes.fromhex(colour[1:]), 255) for value, colour in colours.items()}
    return found | {IGNORE: (0, 0, 0, 0)}


def _category_names(chart: Chart) -> str:
    """What GDAL and QGIS read beside a file: the name of every number. GeoTIFF itself has no place for them."""
    names = {**dict(enumerate(chart.classes)), LAND: "land", IGNORE: "no SAR"}
    lines = [f"<Category>{escape(names.get(value, '').replace('_', ' '))}</Category>" for value in range(IGNORE + 1)]
    inside = "\n".join(["<CategoryNames>", *lines, "</CategoryNames>"])
    return f'<PAMDataset>\n<PAMRasterBand band="1">\n{inside}\n</PAMRasterBand>\n</PAMDataset>\n'
