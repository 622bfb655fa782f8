"""`TrialResult`: what one trial gave, as it is written to result.json and handed to who asked for it."""

import csv
import io
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


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
        matrices: Confusion matrix (rows = truth) by `<grid>/<chart>/<bin>`, `test/SOD/season/winter`, and of every
            scene by itself, `test/SOD/scene/20180325T194759_dmi`; those of scenes add up to all others.
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
    matrices: dict[str, list[list[int]]]
    scenes: tuple[SceneRow, ...] = ()
    best_epoch: int
    epochs: int
    checkpoint: str
    seconds: float
    versions: dict[str, str]

    def scene_matrices(self, grid: str, chart: str) -> dict[str, list[list[int]]]:
        """Confusion matrix of every test scene by its scene_id; their sum is the matrix of the bin `all`."""
        start = f"{grid}/{chart}/scene/"
        return {key.removeprefix(start): rows for key, rows in self.matrices.items() if key.startswith(start)}


def scenes_csv(rows: Sequence[SceneRow]) -> str:
    """Rows as CSV text with a header; a missing value is an empty cell."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(SceneRow.model_fields), lineterminator="\n")
    table.writeheader()
    table.writerows(row.model_dump() for row in rows)
    return text.getvalue()
