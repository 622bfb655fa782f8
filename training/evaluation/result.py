"""`TrialResult`: what one trial gave, as it is written to result.json and handed to who asked for it."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, SerializerFunctionWrapHandler, model_serializer

from training.data.scene_set import SceneSet
from training.evaluation.bins import ScoredScene, ScoreKey
from training.spec.errors import Part

_TextKey = Annotated[
    ScoreKey, BeforeValidator(lambda key: ScoreKey.parse(key) if isinstance(key, str) else key), PlainSerializer(str)
]

_Score = Annotated[float | None, BeforeValidator(lambda value: value if value == value else None)]  # JSON has no NaN


class SceneRow(Part):
    """Scores of one test scene in one chart on one grid (`test`, `test_80m`, `test_patches`).

    Attributes:
        cryoseason: None where unknown.
        n: Labelled pixels, or patches.
        accuracy: Share of these with the right class; None where there are none, as the other scores.
        f1: Weighted F1; `f1_macro` is the plain mean over classes.
    """

    scene_id: str
    season: str
    cryoseason: str | None
    location: str
    grid: str
    chart: str
    n: int
    accuracy: _Score
    f1: _Score
    f1_macro: _Score


class TrialResult(Part):
    """What one trial gave.

    Attributes:
        trial_id: Of the spec bound to the lake.
        metrics: Test scores (see `training.evaluation.metrics`), `best/...` of the kept epoch and `cost/...`.
        matrices: Confusion matrix (rows = truth) by grid, chart and bin, and of every scene by itself; those of scenes
            add up to all others. In JSON the keys are text: `test/SOD/season/winter`, `test/SOD/scene/<scene_id>`.
        scenes: Scores of every test scene by itself.
        trained_on: Its training scenes, as `tested_on` its test scenes; None in a result of an earlier program.
        best_epoch: Epoch whose weights (`checkpoint`) were kept and scored, from 0.
        epochs: How many were trained.
        seconds: Wall time of the trial.
        versions: Software and device that the numbers come from.
        val_precision: Type in which the network computed the val scores that chose the epoch; all scores of a result
            are of float32. None in a result of an earlier program.
    """

    trial_id: str
    metrics: dict[str, float]
    matrices: dict[_TextKey, list[list[int]]]
    scenes: tuple[SceneRow, ...] = ()
    trained_on: SceneSet | None = None
    tested_on: SceneSet | None = None
    best_epoch: int
    epochs: int
    checkpoint: str
    seconds: float
    versions: dict[str, str]
    val_precision: str | None = None

    @model_serializer(mode="wrap")
    def _known(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out what a result of an earlier program did not have."""
        content: dict[str, Any] = plain(self)
        return {name: value for name, value in content.items() if value is not None}

    def scene_matrices(self, grid: str, chart: str) -> dict[str, list[list[int]]]:
        """Confusion matrix of every test scene by its scene_id; their sum is the matrix of the bin `all`."""
        return {
            key.bin.value: rows
            for key, rows in self.matrices.items()
            if (key.grid, key.chart, key.bin.kind) == (grid, chart, "scene")
        }


def scene_rows(scored: Iterable[ScoredScene]) -> tuple[SceneRow, ...]:
    """One row for each scene, grid and chart."""
    return tuple(
        SceneRow(
            **{name: getattr(record, name) for name in ("scene_id", "season", "cryoseason", "location")},
            **{name: getattr(key, name) for name in ("grid", "chart")},
            **{name: getattr(scores, name) for name in ("n", "accuracy", "f1", "f1_macro")},
        )
        for record, matrices in scored
        for key, scores in ((key, matrix.metrics()) for key, matrix in matrices.items())
    )


def scenes_csv(rows: Sequence[SceneRow]) -> str:
    """Rows of scenes as CSV text."""
    return rows_csv(list(SceneRow.model_fields), (row.model_dump() for row in rows))


def rows_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """CSV text with a header; a missing value is an empty cell."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
