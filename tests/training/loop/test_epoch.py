"""The rows that tell of an epoch."""

import pytest

from tests.training.loop.given_losses import dial, run
from tests.training.loop.training_batches import InMemory, learnable, trainer_of, unet
from training.loop.epoch import TrainingProgress
from training.spec import OptimizerSpec


def test_progress_comes_after_every_batch_and_every_epoch() -> None:
    seen: list[TrainingProgress] = []
    state = run([2.0, 1.0], batches=2, progress=seen.append)
    assert [(p.epoch, p.batch, p.row is not None) for p in seen] == [
        (0, 1, False), (0, 2, False), (0, 2, True), (1, 1, False), (1, 2, False), (1, 2, True),
    ]  # fmt: skip
    assert [p.row for p in seen if p.row is not None] == state.history
    assert all(p.patches_per_second > 0 and 0 <= p.data_wait_share <= 1 for p in seen if p.row is None)


def test_the_rate_of_an_epoch_is_that_of_its_first_batch() -> None:
    made = trainer_of(unet(), 4, OptimizerSpec(lr=0.1, restart_epochs=2), max_epochs=3)
    rows = made.fit(InMemory(4, lambda e, n: learnable(0)), dial([1.0] * 3)).history
    assert [row.lr for row in rows] == pytest.approx([0.1, 0.05, 0.1])
    assert all(row.patches_per_second > 0 for row in rows)
    assert set(rows[0].metrics()) >= {"lr", "train/loss", "val/loss", "val/f1", "val/accuracy", "val/score"}
