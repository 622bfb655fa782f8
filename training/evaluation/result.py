"""`TrialResult`: what one trial gave, as it is written to result.json and handed to who asked for it."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from training.evaluation.bins import ScoredScene, ScoreKey

_TextKey = Annotated[
    ScoreKey, BeforeValidator(lambda key: ScoreKey.parse(key) if isinstance(key, str) else key), PlainSerializer(str)
]


class SceneRow(BaseModel):
    """Scores of one test scene in one chart on one grid.

    Attributes:
        scene_id: Which.
        season: Of the scene; `cryoseason` (None where unknown) and `location` likewise.
        grid: `test`, `test_80m`, `test_patches`.
        chart: Of the classes.
        n: Labelled pixels, or patches.
        accuracy: Share of these with the right class; None where there are none, as the other scores.
        f1: Weighted F1.
        f1_macro: Macro F1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scene_id: str
    season: str
    cryoseason: str | None
    location: str
    grid: str
    chart: str
    n: int
    accuracy: float | None
    f1: float | None
    f1_macro: float | None


class TrialResult(BaseModel):
    """What one trial gave.

    Attributes:
        trial_id: Of the spec bound to the lake.
        metrics: Test scores (see `training.evaluation.metrics`), `best/...` of the kept epoch and `cost/...`.
        matrices: Confusion matrix (rows = truth) by grid, chart and bin, and of every scene by itself; those of scenes
            add up to all others. In JSON the keys are text: `test/SOD/season/winter`, `test/SOD/scene/<scene_id>`.
        scenes: Scores of every test scene by itself.
        best_epoch: Epoch whose weights were kept and scored, from 0.
        epochs: Epochs trained.
        checkpoint: Path of the kept weights.
        seconds: Wall time of the trial.
        versions: Software and device that the numbers come from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial_id: str
    metrics: dict[str, float]
    matrices: dict[_TextKey, list[list[int]]]
    scenes: tuple[SceneRow, ...] = ()
    best_epoch: int
    epochs: int
    checkpoint: str
    seconds: float
    versions: dict[str, str]

    def scene_matrices(self, grid: str, chart: str) -> dict[str, list[list[int]]]:
        """Confusion matrix of every test scene by its scene_id; their sum is the matrix of the bin `all`."""
        return {
            key.bin.value: rows
            for key, rows in self.matrices.items()
            if (key.grid, key.chart, key.bin.kind) == (grid, chart, "scene")
        }


def scene_rows(scored: Iterable[ScoredScene]) -> tuple[SceneRow, ...]:
    """One row for each scene, grid and chart."""
    rows = []
    for record, matrices in scored:
        for key, matrix in matrices.items():
            scores = matrix.metrics()
            rows.append(
                SceneRow(
                    scene_id=record.scene_id,
                    season=record.season,
                    cryoseason=record.cryoseason,
                    location=record.location,
                    grid=key.grid,
                    chart=key.chart,
                    n=scores.n,
                    accuracy=_or_none(scores.accuracy),
                    f1=_or_none(scores.f1),
                    f1_macro=_or_none(scores.f1_macro),
                )
            )
    return tuple(rows)


def scenes_csv(rows: Sequence[SceneRow]) -> str:
    """Rows as CSV text with a header; a missing value is an empty cell."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(SceneRow.model_fields), lineterminator="\n")
    table.writeheader()
    table.writerows(row.model_dump() for row in rows)
    return text.getvalue()


def _or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(value) else value
