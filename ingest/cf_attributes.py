"""CF attributes of the arrays and groups of a scene's store."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from datasets.channels import CHANNELS
from datasets.grids import KM2_PIXELS, NATIVE_SPACING, pixel_spacing
from datasets.labels import IGNORE, Chart
from datasets.scene import POLYGON_CODES, POLYGONS
from datasets.sigrid import NO_POLYGON
from datasets.tie_grid import LATITUDE, LONGITUDE

_COORDINATES: Final = {"coordinates": "sar_latitude sar_longitude"}

POLYGON_ID: Final[Mapping[str, object]] = {
    "long_name": "ice chart polygon, an id of this scene's polygon_codes",
    "comment": "of the pixel in the middle of the block",
    "no_polygon": NO_POLYGON,
    **_COORDINATES,
}


def channel_attributes(name: str, given: Mapping[str, object] | None = None) -> dict[str, object]:
    """Of a channel: those of the file, as JSON values, and ours.

    `min` and `max` of the file are of the raw raster and would be wrong at other ratios.
    """
    kept = {key: _plain(value) for key, value in (given or {}).items() if key not in ("min", "max")}
    channel = CHANNELS.get(name)
    if channel is None:  # swath maps: counted and kept, no inputs
        return kept
    found = {**kept, "long_name": channel.long_name, "units": channel.units}
    if name in (LATITUDE, LONGITUDE):
        return {**found, "standard_name": name.removeprefix("sar_")}
    return {**found, **_COORDINATES} if channel.grid == "sar" else found


def chart_attributes(chart: Chart) -> dict[str, object]:
    """Of a chart: its classes by name."""
    return {
        "long_name": chart.long_name,
        "flag_values": list(range(chart.n_classes)),
        "flag_meanings": " ".join(name.replace("%", "_percent") for name in chart.classes),
        "ignore_value": IGNORE,
        **_COORDINATES,
    }


def border_attributes(comment: str) -> dict[str, object]:
    """Of the distance to the border."""
    return {
        "long_name": "distance to the nearest pixel of another polygon or of none",
        "units": "m",
        "comment": comment,
        **_COORDINATES,
    }


def tie_point_attributes(name: str) -> dict[str, object]:
    """Of one variable of the geolocation grid."""
    return {"units": "1" if name.endswith(("_line", "_sample")) else "m" if "height" in name else "degree"}


def group_attributes(ratios: Sequence[int], codes: Sequence[str], tie_comment: str) -> dict[str, Mapping[str, Any]]:
    """Of every group of a store, by its name; a group of polygons only where there are code rows."""
    grids: dict[str, Mapping[str, Any]] = {
        f"r{ratio}": {
            "pixel_spacing": pixel_spacing(ratio),
            "pixel_spacing_units": "m",
            "downscale_ratio": ratio,
            "comment": "satellite geometry: line along, sample across the flight direction",
        }
        for ratio in ratios
    }
    return {
        **grids,
        **({POLYGONS: {POLYGON_CODES: list(codes)}} if codes else {}),
        "km2": {"pixel_spacing": KM2_PIXELS * NATIVE_SPACING, "pixel_spacing_units": "m"},
        "tie_points": {"comment": tie_comment},
    }


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
