"""Bins: which sums a scene's confusion matrix counts in, and the row of a scene by itself.

Keys are `<grid>/<chart>` for a matrix of one scene, and `<grid>/<chart>/<bin>` for a sum: `test_80m/SOD/season/winter`.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from datasets.scene import SceneRecord
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.result import SceneRow

ALL: Final = "all"
"""The bin of every test scene."""

Scored = tuple[SceneRecord, Mapping[str, ConfusionMatrix]]
"""A scene and its matrices by `<grid>/<chart>`."""


def bins_of(record: SceneRecord) -> tuple[str, ...]:
    """Bins that a scene counts in; a scene without cryoseason is in no cryoseason bin."""
    names = [ALL, f"season/{record.season}", f"location/{record.location}"]
    if record.cryoseason is not None:
        names.append(f"cryoseason/{record.cryoseason}")
    return (*names, f"scene/{record.scene_id}")


def split_key(key: str) -> tuple[str, str, str]:
    """Grid, chart and bin of the key of a sum."""
    grid, name, bin_name = key.split("/", 2)
    return grid, name, bin_name


def bin_leaf(bin_name: str) -> str | None:
    """`winter` of `season/winter`; None for all scenes and for a scene."""
    kind, _, leaf = bin_name.partition("/")
    return None if kind in (ALL, "scene") else leaf


def sum_bins(scored: Iterable[Scored]) -> dict[str, ConfusionMatrix]:
    """Sums scenes into `<grid>/<chart>/<bin>` matrices."""
    sums: dict[str, ConfusionMatrix] = {}
    for record, matrices in scored:
        for place, matrix in matrices.items():
            for name in bins_of(record):
                key = f"{place}/{name}"
                sums[key] = sums[key] + matrix if key in sums else matrix
    return sums


def scene_rows(scored: Iterable[Scored]) -> tuple[SceneRow, ...]:
    """One row a scene, grid and chart."""
    rows = []
    for record, matrices in scored:
        for place, matrix in matrices.items():
            grid, name = place.split("/")
            scores = matrix.metrics()
            rows.append(
                SceneRow(
                    scene_id=record.scene_id,
                    season=record.season,
                    cryoseason=record.cryoseason,
                    location=record.location,
                    grid=grid,
                    chart=name,
                    n=scores.n,
                    accuracy=_or_none(scores.accuracy),
                    f1=_or_none(scores.f1),
                    f1_macro=_or_none(scores.f1_macro),
                )
            )
    return tuple(rows)


def _or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(value) else value
