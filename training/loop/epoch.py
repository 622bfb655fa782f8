"""Results of an epoch, and progress of training: the rows that a trial reports."""

from collections.abc import Callable, Mapping

from training.spec.errors import Part

Scored = Callable[[str, int, int], None]
"""Told of scenes scored so far: the split, how many, of how many."""


class TrialOverview(Part):
    """What is about to be trained.

    Attributes:
        trial_id: Of the spec bound to the lake.
        device: Name of the GPU or processor.
        processes: That train together.
        scenes: How many by split.
        parameters: Of the network.
        trainable_parameters: Those that are trained; fewer where an encoder is frozen.
        patches_per_epoch: Over all processes.
    """

    trial_id: str
    device: str
    processes: int
    scenes: Mapping[str, int]
    parameters: int
    trainable_parameters: int
    patches_per_epoch: int


class ValScores(Part):
    """Scores on the val scenes (or val patches) after an epoch.

    Attributes:
        loss: Loss over all of them together; chooses the best epoch unless the spec says otherwise.
        f1: Weighted F1 of the first target over all of them together.
        f1_macro: Macro F1 of the first target over all of them together.
        accuracy: Share with the right class of the first target over all of them together.
        score: Combined AutoICE score of all targets.
    """

    loss: float
    f1: float
    f1_macro: float
    accuracy: float
    score: float


class EpochRow(Part):
    """What one epoch gave.

    Attributes:
        epoch: From 0.
        lr: Learning rate of the epoch's first batch.
        train_loss: Mean loss of the epoch's batches, each at the weights of its moment.
        val_loss: See `ValScores`, also for `val_f1`, `val_f1_macro`, `val_accuracy` and `val_score`.
        patches_per_second: Patches trained on per second over all processes, waiting for data included, validation not.
        data_wait_share: Share of that time in which this process waited for a batch.
        bytes_per_patch: Bytes that travelled to the device for one patch.
    """

    epoch: int
    lr: float
    train_loss: float
    val_loss: float
    val_f1: float
    val_f1_macro: float
    val_accuracy: float
    val_score: float
    patches_per_second: float
    data_wait_share: float
    bytes_per_patch: float

    def metrics(self) -> dict[str, float]:
        """The row by the names of the tracker."""
        rates = ("patches_per_second", "data_wait_share", "bytes_per_patch")
        return {
            "lr": self.lr,
            "train/loss": self.train_loss,
            **{f"train/{name}": getattr(self, name) for name in rates},
            **{f"val/{name}": getattr(self, f"val_{name}") for name in ValScores.model_fields},
        }


class TrainingProgress(Part):
    """Where training stands: sent after every batch (`row` is None) and once after every epoch (`row` is set).

    Attributes:
        epoch: From 0.
        batch: Batches done in this epoch.
        batches: Batches in an epoch.
        loss: Loss of the newest batch that is known; of the epoch where `row` is set.
        patches_per_second: In this epoch so far.
        data_wait_share: Share of the time waited for data in this epoch so far.
        row: The finished epoch.
    """

    epoch: int
    batch: int
    batches: int
    loss: float
    patches_per_second: float = 0.0
    data_wait_share: float = 0.0
    row: EpochRow | None = None
