"""The map of one scene as a data set: classes, probabilities and entropy of every chart, with latitude and longitude.

Dims (line, sample) at one ratio. For each chart, by its name (`SOD`):

- `SOD` uint8 (line, sample): the class, 0..n-1; `LAND`, with SAR or without; `IGNORE` where there is no SAR.
- `SOD_probability` uint8 (SOD_class, line, sample): hundredths by CF; `IGNORE` on land and without SAR.
- `SOD_entropy` uint8 (line, sample): hundredths of the entropy of n equal classes; 0 is sure. Filled alike.
- `SOD_spread` uint8 (line, sample), of several checkpoints only: standard deviation between them of the probability of
  the class that was chosen, in hundredths; of the concentration where all predict that. Filled alike.

Coordinates `latitude` and `longitude`, float32 degrees (line, sample), are those of the centres of pixels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import xarray as xr

from datasets.labels import IGNORE, Chart
from training.evaluation.metric_names import class_key
from training.evaluation.prediction_files import DIMS, LAND

__all__ = ["DIMS", "LAND"]

LAYERS: Final = ("probability", "entropy", "spread")
SYNTHETIC: Final = "the scene is a sample that no satellite saw"
"""Attribute `comment` of the map of a synthetic scene."""

_HUNDREDTHS: Final[dict[str, Any]] = {"scale_factor": 0.01, "_FillValue": IGNORE, "units": "1"}


def layer_name(chart: str, layer: str) -> str:
    """Name of one of `LAYERS` of a chart; `class` is the dimension of its classes, with their numbers as coordinate."""
    return f"{chart}_{layer}"


def class_attributes(chart: Chart) -> dict[str, Any]:
    """CF attributes of a map of classes as it is stored, `_FillValue` among them."""
    return {
        "long_name": chart.long_name,
        "units": "1",
        "flag_values": [*range(chart.n_classes), LAND],
        "flag_meanings": " ".join([*map(class_key, chart.classes), "land"]),
        "_FillValue": IGNORE,
    }


def layer_attributes(chart: Chart, layer: str, *, of_value: bool = False) -> dict[str, Any]:
    """CF attributes of `probability`, `entropy` or `spread` of a chart as they are stored, in hundredths.

    `of_value` says that networks predict a value and no classes.
    """
    deviating = chart.long_name if of_value else f"the probability of the chosen class of {chart.long_name}"
    words = {
        "probability": f"probability of each class of {chart.long_name}",
        "entropy": f"entropy of the classes of {chart.long_name}, as a share of that of equal classes",
        "spread": f"standard deviation between networks of {deviating}",
    }
    return {"long_name": words[layer], **_HUNDREDTHS}


def open_map(path: Path) -> xr.Dataset:
    """Opens a map lazily, with the numbers as they are stored: uint8, `IGNORE` for no value."""
    data: xr.Dataset = xr.open_zarr(path, mask_and_scale=False, chunks=None, consolidated=False)
    return data


def strips(data: xr.Dataset, lines: int = 512) -> Iterator[slice]:
    """Lines of a map in strips, so that no more than one need be in memory."""
    for start in range(0, data.sizes["line"], lines):
        yield slice(start, min(start + lines, data.sizes["line"]))
