"""What inputs are compared with: patches of training scenes, or the mean of every channel; which one a patch gets."""

import zlib
from collections.abc import Sequence

import numpy as np
import torch

from datasets.loading.batch import Window
from datasets.loading.batches import BatchDataset
from training.attribution.settings import AttributionSettings
from training.data.training_batches import patch_source
from training.data.trial_data import TrialData


def baseline_bank(data: TrialData, settings: AttributionSettings) -> torch.Tensor:
    """Baselines (N, C, P, P) float32 on the device, as the network sees them.

    `training` are patches that the trial could have trained on, by its own rules but drawn with the seed of the
    settings and not augmented; fewer where the training scenes have fewer. `mean` is one patch of zeros, the mean of
    every channel in normalized units.
    """
    if settings.baseline == "mean":
        size = data.spec.data.patch_size
        return torch.zeros(1, len(data.spec.inputs), size, size, device=data.inputs.device)
    source, inputs = patch_source(data, settings.seed), data.inputs
    count = min(settings.baselines, len(source))
    batch = BatchDataset(inputs.reader, source, batch_size=count).batch(0, range(count))
    return inputs.assemble(batch.to(inputs.device))


def draws_of(windows: Sequence[Window], seed: int) -> tuple[tuple[int, ...], ...]:
    """One seed per patch, from its place only, so that batches, order and machine do not change what is drawn."""
    return tuple((seed, zlib.crc32(window.scene_id.encode()), window.line, window.sample) for window in windows)


def draw(draws: Sequence[tuple[int, ...]], bank: torch.Tensor, samples: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Which baseline of the bank (N, C, P, P) each patch gets in each sample, and how far on the way to the input.

    Returns:
        Places in the bank (S, B) int64, and shares of the way (S, B) float32, uniform in 0..1; on the bank's device.
    """
    places = np.empty((samples, len(draws)), np.int64)
    shares = np.empty((samples, len(draws)), np.float32)
    for column, own in enumerate(draws):
        rng = np.random.default_rng(own)
        places[:, column] = rng.integers(0, len(bank), samples)
        shares[:, column] = rng.random(samples, np.float32)
    return torch.from_numpy(places).to(bank.device), torch.from_numpy(shares).to(bank.device)
