"""`TrialResult`: what one trial gave, as it is written to result.json and handed to who asked for it."""

from pydantic import BaseModel, ConfigDict


class TrialResult(BaseModel):
    """What one trial gave.

    Attributes:
        trial_id: Of the spec bound to the lake.
        metrics: Test scores (see `training.evaluate`), `best/...` of the kept epoch and `cost/...`.
        matrices: Confusion matrix (rows = truth) by `<grid>/<bin>`, `test/season/winter`; they add up to coarser bins.
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
    best_epoch: int
    epochs: int
    checkpoint: str
    seconds: float
    versions: dict[str, str]
