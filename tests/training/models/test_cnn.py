"""The small convolutional network of IceBench."""

import pytest
import torch

from training.models.cnn import CNN


@pytest.mark.slow
def test_a_patch_becomes_logits_that_do_not_depend_on_its_size() -> None:
    network = CNN(3, 6).eval()
    small = network(torch.ones(2, 3, 7, 7))
    assert small.shape == (2, 6)
    torch.testing.assert_close(network(torch.ones(2, 3, 20, 12)), small)
    with pytest.raises(RuntimeError):
        network(torch.ones(1, 3, 6, 6))
