"""Training in lower precision."""

from contextlib import suppress

import pytest
import torch

from tests.training.loop.given_losses import dial
from tests.training.loop.training_batches import InMemory, learnable, trainer_of, unet
from training.loop.precision import whole_float32


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_trains_and_keeps_float32_weights(precision: str) -> None:
    model = unet()
    made = trainer_of(model, 6, max_epochs=3, precision=precision)
    state = made.fit(InMemory(6, lambda e, n: learnable(10 * e + n)), dial([3.0, 2.0, 1.0]))
    assert state.history[-1].train_loss < state.history[0].train_loss
    assert all(value.dtype == torch.float32 for value in model.parameters())


def test_float32_is_never_tf32_and_the_settings_of_others_come_back() -> None:
    flags = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [flag.allow_tf32 for flag in flags]
    try:
        for given in ((True, False), (True, True), (False, False)):  # torch's, some containers', and a user's
            for flag, value in zip(flags, given, strict=True):
                flag.allow_tf32 = value
            with suppress(KeyError), whole_float32():
                assert not any(flag.allow_tf32 for flag in flags)
                raise KeyError
            assert tuple(flag.allow_tf32 for flag in flags) == given
    finally:
        for flag, value in zip(flags, before, strict=True):
            flag.allow_tf32 = value
