"""How much of a training step waits for data: U-Net of IceBench, 16 patches of 256 x 256 x 16, one loader process.

The floor is the same network trained on one batch that already lies in the memory of the device. On a CPU a step takes
seconds, so few are taken; on a GPU (where there is one) several hundred.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from datasets.loading.batch import Batch
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from ingest.sample import write_samples
from tests.benchmarks.full_scene import LINES, SAMPLES, Row
from tests.benchmarks.loader import lake_of
from training.data.training_batches import TrainingBatches, patch_source
from training.data.trial_data import NetworkInputs, TrialData
from training.data.trial_scenes import TrialScenes
from training.loop.losses import Loss
from training.loop.processes import Processes
from training.loop.trainer import Trainer
from training.models import build_network
from training.models.heads import heads_of
from training.spec import TrialSpec
from training.spec.protocols import ICEBENCH_UNET

WAIT_REACH, RATE_REACH = 0.05, 0.95


class SameBatch:
    """One batch on the device, again and again; a `TrainingData`."""

    def __init__(self, patches: TrainingBatches, batches: int) -> None:
        self._batch = next(patches.epoch(0))
        self._prepared = patches.prepare(self._batch, 0, 0)
        self._batches = batches

    def __len__(self) -> int:
        return self._batches

    def epoch(self, number: int) -> Iterator[Batch]:
        return iter([self._batch] * self._batches)

    def prepare(self, batch: Batch, epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._prepared


def measure() -> list[Row]:
    """Makes a full-size scene, trains on it; a minute or two on a CPU."""
    on_gpu = torch.cuda.is_available()
    device, batches, workers = torch.device("cuda" if on_gpu else "cpu"), 300 if on_gpu else 4, 1
    if not on_gpu:
        torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))  # one core is left to the loader process
    spec = ICEBENCH_UNET.with_all({"loop.batches_per_epoch": batches, "data.ratio": 5})
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        folder = Path(name)
        (raw,) = write_samples(folder / "raw", scenes=1, lines=LINES, samples=SAMPLES, seed=0)
        lake = lake_of(raw, folder, (5,))
        catalog = lake.catalog()
        normalization = Normalization.from_lake(lake, spec.data.channels, spec.data.ratio)
        cache = NodeCache(folder=folder / "cache", max_bytes=8 << 30)
        data = TrialData(
            spec=spec,
            lake=lake,
            scenes=TrialScenes(train=catalog, val=catalog, test=catalog),
            inputs=NetworkInputs.of(spec.data, lake, normalization, device, cache),
        )
        patches = TrainingBatches(data, patch_source(data), Processes(), workers)
        trainer = _trainer(spec, device, batches)
        trainer.train_epoch(patches, 0)  # the loader process starts and the scene is decoded
        trained = trainer.train_epoch(patches, 1)
        rate = trained.patches / (time.perf_counter() - trained.started)
        share = trained.waited / (time.perf_counter() - trained.started)
        fed = _trainer(spec, device, batches).train_epoch(SameBatch(patches, batches), 0)
        floor = fed.patches / (time.perf_counter() - fed.started)
        del patches
    where = torch.cuda.get_device_name() if on_gpu else f"{torch.get_num_threads()} CPU thread"
    return [
        Row(
            what=f"share of a step that waits for data ({where})",
            measured=f"{share:.1%}",
            floor="0 %",
            ratio=f"{share:.3f}",
            reach=f"< {WAIT_REACH:.0%}",
            reached=share < WAIT_REACH,
            note=f"{batches} batches of {spec.loop.batch_size} with augmentation, {workers} loader process",
        ),
        Row(
            what=f"training from the lake ({where})",
            measured=f"{rate:.1f} patches/s",
            floor=f"{floor:.1f} patches/s",
            ratio=f"{rate / floor:.2f}",
            reach=f">= {RATE_REACH}",
            reached=rate >= RATE_REACH * floor,
            note="floor: the same network, one batch in the device's memory",
        ),
    ]


def _trainer(spec: TrialSpec, device: torch.device, batches: int) -> Trainer:
    torch.manual_seed(0)
    model = build_network(spec)
    return Trainer(
        model,
        Loss(spec.loss, heads_of(spec)),
        loop=spec.loop,
        optimizer=spec.optimizer,
        batches_per_epoch=batches,
        seed=0,
        device=device,
        processes=Processes(),
    )
