"""Writes one synthetic scene as a raw netCDF file, strip by strip; a whole scene never lies in memory."""

from pathlib import Path
from typing import Any, Final

import netCDF4
import numpy as np
from numpy.typing import NDArray

from ingest.sample.canvas import LAND
from ingest.sample.codes import HEADER, code_row, draw_ids
from ingest.sample.frame import Frame, draw_frame
from ingest.sample.geography import distance_to_land, far_coast, tie_points, zones
from ingest.sample.radiometer import Swaths, brightness, draw_swaths, drop_cells, swath_maps
from ingest.sample.scenario import Scenario
from ingest.sample.schema import DIMENSIONS, GLOBAL_ATTRIBUTES, VARIABLES, Variable
from ingest.sample.weather import era5

CELL = 50
"""Pixels of 40 m along one cell of the 2 km grid (AI4Arctic raw file schema)."""

_STRIP = 5 * CELL  # lines at once: whole cells, and whole chunks
_CHUNK_SAMPLES = 1024
_EVERY = 5  # a 2 km cell is described by every fifth pixel along both axes
_LEVEL: Final = 1  # of zlib; higher levels gain little on speckle


def write_scene(path: Path, scenario: Scenario) -> None:
    """Writes the scene of a scenario; the file is whole when this returns.

    Args:
        path: Where to write; an existing file is replaced.
        scenario: The scene.
    """
    frame = draw_frame(scenario)
    swaths = draw_swaths(scenario.generator("swaths"), scenario.name.start)
    ties = tie_points(scenario.attitude, lines=scenario.lines, samples=scenario.samples, duration=scenario.duration)
    # Which polygons meet the image is known only once all strips are drawn, but the codes define a dimension.
    present = np.zeros(len(frame.contents) + 1, dtype=bool)
    for start, stop in _strips(scenario.lines):
        labels = frame.labels(start, stop)
        present[np.unique(labels[frame.charted(labels, start, stop)])] = True
    met = np.flatnonzero(present)
    ids = np.full(present.size, np.nan, dtype=np.float32)
    ids[met] = draw_ids(scenario.generator("ids"), met.size)

    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.set_fill_off()  # every value is written
        file.setncatts(GLOBAL_ATTRIBUTES)
        grid = (scenario.lines // CELL, scenario.samples // CELL)
        sizes = (scenario.lines, scenario.samples, ties["sar_grid_line"].size, met.size + 1, *grid)
        for name, size in zip(DIMENSIONS, sizes, strict=True):
            file.createDimension(name, size)
        for variable in VARIABLES:
            _define(file, variable)
        rows = [code_row(int(ids[i]), frame.contents[i - 1], scenario.name.provider) for i in met]
        file["polygon_codes"][:] = np.array([HEADER, *rows], dtype=object)
        for name, values in ties.items():
            file[name][:] = values
        extremes, cover, land = _write_pixels(file, frame, scenario, ids)
        _write_distance(file, land, scenario)
        extremes |= _write_grid(file, frame, scenario, swaths, cover)
        for variable in VARIABLES:
            _describe(file, variable, scenario, swaths, extremes.get(variable.name))


def _strips(lines: int) -> list[tuple[int, int]]:
    return [(start, min(start + _STRIP, lines)) for start in range(0, lines, _STRIP)]


def _define(file: netCDF4.Dataset, variable: Variable) -> None:
    if variable.dtype == "str":
        file.createVariable(variable.name, str, variable.dims)
        return
    chunks = None
    if variable.dims[0] == "sar_lines":
        limits = (_STRIP, _CHUNK_SAMPLES)
        chunks = [min(len(file.dimensions[d]), most) for d, most in zip(variable.dims, limits, strict=True)]
    file.createVariable(
        variable.name, variable.dtype, variable.dims, zlib=True, complevel=_LEVEL, shuffle=True, chunksizes=chunks
    )


def _write_pixels(
    file: netCDF4.Dataset, frame: Frame, scenario: Scenario, ids: NDArray[np.float32]
) -> tuple[dict[str, tuple[Any, Any]], NDArray[np.float64], NDArray[np.bool_]]:
    """Writes SAR and chart; returns SAR extremes, surface shares of 2 km cells, and the land mask."""
    names = ("nersc_sar_primary", "nersc_sar_secondary")
    extremes = dict.fromkeys(names, (np.float32(np.inf), np.float32(-np.inf)))
    cells = (scenario.lines // CELL, scenario.samples // CELL)
    cover = np.zeros((*cells, frame.cover.shape[1]))
    land = np.zeros((scenario.lines, scenario.samples), dtype=bool)
    for number, (start, stop) in enumerate(_strips(scenario.lines)):
        labels = frame.labels(start, stop)
        land[start:stop] = labels == LAND
        charted = frame.charted(labels, start, stop)
        file["polygon_icechart"][start:stop] = np.where(charted, ids.take(labels), np.float32(np.nan))
        powers = frame.radar.strip(scenario.generator("speckle", strip=number), labels, start, stop)
        for name, values, rim in zip(names, powers, frame.rims, strict=True):
            values[rim.strip(start, stop)] = np.nan
            low, high = extremes[name]
            extremes[name] = (
                np.fmin(low, np.nanmin(values, initial=low)),
                np.fmax(high, np.nanmax(values, initial=high)),
            )
            file[name][start:stop] = values
        first, count = start // CELL, (stop - start) // CELL
        cover[first : first + count] = _shares(labels, frame.cover, (count, cells[1]))
    return extremes, cover, land


def _shares(labels: NDArray[np.int16], cover: NDArray[np.float64], cells: tuple[int, int]) -> NDArray[np.float64]:
    """Share of each surface in whole 2 km cells: (*cells, surfaces)."""
    half = _EVERY // 2
    block = labels[half : cells[0] * CELL : _EVERY, half : cells[1] * CELL : _EVERY].astype(np.int64)
    side = CELL // _EVERY
    by_cell = block.reshape(cells[0], side, cells[1], side).swapaxes(1, 2).reshape(cells[0] * cells[1], side**2)
    keys = by_cell + np.arange(len(by_cell))[:, None] * len(cover)
    counts = np.bincount(keys.ravel(), minlength=len(by_cell) * len(cover)).reshape(len(by_cell), len(cover))
    return (counts / side**2 @ cover).reshape(*cells, cover.shape[1])


def _write_distance(file: netCDF4.Dataset, land: NDArray[np.bool_], scenario: Scenario) -> None:
    """Writes the distance zones: exact to the land in the image, or to a coast far outside where there is none."""
    if land.any():
        distance = distance_to_land(land)
        for start, stop in _strips(scenario.lines):
            file["distance_map"][start:stop] = zones(distance[start:stop])
        return
    at_origin, by_line, by_sample = far_coast(scenario.generator("coast"), land.shape)
    along = np.arange(land.shape[1], dtype=np.float32)[None, :] * np.float32(by_sample) + np.float32(at_origin)
    for start, stop in _strips(scenario.lines):
        line = np.arange(start, stop, dtype=np.float32)[:, None]
        file["distance_map"][start:stop] = zones(line * np.float32(by_line) + along)


def _write_grid(
    file: netCDF4.Dataset, frame: Frame, scenario: Scenario, swaths: Swaths, cover: NDArray[np.float64]
) -> dict[str, tuple[Any, Any]]:
    """Writes the 2 km fields; returns the extremes of the brightness temperatures."""
    weather = era5(scenario.generator("weather"), frame.climate, cover[..., 0])
    shape = (cover.shape[0], cover.shape[1])
    rng = scenario.generator("amsr2")
    swath_map, segmentation = swath_maps(rng, swaths, shape)
    kelvin = brightness(rng, cover, weather=weather, swath=segmentation, melt=frame.climate.melt)
    drop_cells(rng, kelvin)
    fields = {**kelvin, "amsr2_swath_map": swath_map, "swath_segmentation": segmentation, **weather}
    for name, values in fields.items():
        file[name][:] = values
    return {name: (np.nanmin(values), np.nanmax(values)) for name, values in kelvin.items()}


def _describe(
    file: netCDF4.Dataset,
    variable: Variable,
    scenario: Scenario,
    swaths: Swaths,
    extremes: tuple[Any, Any] | None,
) -> None:
    """Sets the attributes in the order of the schema."""
    alone = len(swaths.names) == 1
    low, high = extremes if extremes is not None else (None, None)
    of_scene: dict[str, Any] = {
        "upstream_id": scenario.name.upstream_id,
        "icechart_id": scenario.name.icechart_id,
        "min": low,
        "max": high,
        # Two names stand as the text of a Python 2 list, one name as itself.
        "AMSR2_swaths": swaths.names[0] if alone else "[" + ", ".join(f"u'{n}'" for n in swaths.names) + "]",
        "AMSR2_S1_delays": np.int64(swaths.delays[0]) if alone else np.array(swaths.delays, dtype=np.int64),
    }
    for name, value in variable.attributes.items():
        file[variable.name].setncattr(name, of_scene[name] if value is None else value)
