"""A catalog of any number of scenes, written by column in a second: no store belongs to a row."""

import json
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from datasets.catalog_rows import PIXELS
from datasets.channels import CHANNELS
from datasets.seasons import REGIONS, season_of
from ingest.recipe import Recipe

RECIPE: Final = Recipe(ratios=(2, 5, 10))
_SPLITS: Final = ("train",) * 17 + ("val", "test", "unused")
_START: Final = datetime(2014, 10, 3, tzinfo=UTC)
_EVERY: Final = timedelta(seconds=771)
"""Between two scenes: half a million are twelve years."""


def write_large_lake(folder: Path, scenes: int, *, settled: bool = True) -> Path:
    """recipe.json and catalog.parquet of a lake; the digest is made up, as it would be by its build."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = RECIPE.to_lake()
    (folder / "recipe.json").write_text(json.dumps({"format": 2, **recipe}))
    times = [_START + k * _EVERY for k in range(scenes)]
    regions = list(islice(cycle(REGIONS), scenes))
    split = list(islice(cycle(_SPLITS), scenes))
    drawn = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "scene_id": [f"{time:%Y%m%dT%H%M%S}_dmi" for time in times],
        "source": [source_of(time) for time in times],
        "archive": ["test" if name == "test" else "train" for name in split],
        "product": ["raw"] * scenes,
        "pixel_spacing": np.full(scenes, 40),
        "charted": np.ones(scenes, np.bool_),
        "split": split,
        "unused": ["without a chart" if name == "unused" else None for name in split],
        "acquired": pa.array(times, pa.timestamp("us", tz="UTC")),
        "stopped": pa.array([time + timedelta(seconds=60) for time in times], pa.timestamp("us", tz="UTC")),
        "satellite": ["S1A"] * scenes,
        "orbit": np.arange(scenes) // 3 + 1000,
        "provider": ["dmi"] * scenes,
        "region": regions,
        "location": [REGIONS[name] for name in regions],
        "season": [season_of(time + timedelta(seconds=60)) for time in times],
        "cryoseason": list(islice(cycle(("melt", "freeze", None)), scenes)),
        "melt_cells": np.full(scenes, 0.5),
        "lines": drawn.integers(9000, 12000, scenes),
        "samples": drawn.integers(9000, 10600, scenes),
        "recipe": [recipe["digest"]] * scenes,
        "fingerprint": [f"{k:012x}" for k in range(scenes)],
        **_boxes(scenes),
        **{f"{name}_{value}": drawn.integers(0, 10**7, scenes) for name, values in PIXELS.items() for value in values},
        **{f"dropped_{reason}": drawn.integers(0, 9, scenes) for reason in ("no_code", "no_row")},
    }
    statistic = {"count": 10**9, "mean": 0.0, "std": 1.0, "scene_std": 1.0}
    groups = {group: {name: statistic for name in CHANNELS} for group in ("r2", "r5", "r10", "km2")}
    metadata = {b"icebench.moments": json.dumps(groups).encode(), b"icebench.digest": b"0" * 12}
    metadata |= {b"icebench.settled": b"true"} if settled else {}
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), folder / "catalog.parquet")
    return folder


def _boxes(scenes: int) -> dict[str, NDArray[np.float64]]:
    """Squares of 400 km anywhere in the Arctic, in degrees."""
    drawn, half = np.random.default_rng(1), 200 / 111.2
    west, middle = drawn.uniform(-180, 180, scenes), drawn.uniform(60, 82, scenes)
    east = west + 2 * half / np.cos(np.radians(middle))
    return {"west": west, "south": middle - half, "east": (east + 180) % 360 - 180, "north": middle + half}


def source_of(time: datetime) -> str:
    """Name of the raw file of a scene of that time."""
    stop = time + timedelta(seconds=60)
    stamp = f"{time:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}"
    return f"S1A_EW_GRDM_1SDH_{stamp}_020000_0245C6_7A5D_icechart_dmi_{stop:%Y%m%d%H%M}_SouthEast_RIC.nc"
