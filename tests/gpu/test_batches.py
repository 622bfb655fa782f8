"""What a network sees is the same on a GPU: patches, draws, augmentation; nothing waits for the device in a step."""

import pytest
import torch

from datasets.channels import CHANNELS
from datasets.lake import Lake
from training.data.augment import augment
from training.data.feed import resident_sets
from training.data.training_batches import TrainingBatches, patch_source
from training.data.trial_data import TrialData
from training.loop.losses import Loss
from training.loop.processes import Processes
from training.loop.trainer import Trainer
from training.models import build_network
from training.models.heads import heads_of
from training.spec import AugmentSpec, TrialSpec

pytestmark = pytest.mark.gpu

CPU = torch.device("cpu")
EXACT = AugmentSpec(flip_lines=0.5, flip_samples=0.5, rotate90=0.5, cutmix=0.5)


def all_channels(spec: TrialSpec) -> TrialSpec:
    return spec.with_all({"data.channels": list(TrialSpec().data.channels), "loop.batches_per_epoch": 3})


def batches(spec: TrialSpec, lake: Lake, device: torch.device, workers: int = 0) -> TrainingBatches:
    data = TrialData.of(spec, lake, device, cache=None)
    return TrainingBatches(data, patch_source(data), Processes(), workers)


def prepared(made: TrainingBatches) -> list[tuple[torch.Tensor, torch.Tensor, object]]:
    found = []
    for number, batch in enumerate(made.epoch(0)):
        x, y = made.prepare(batch, 0, number)
        found.append((x.cpu(), y.cpu(), tuple(batch.windows)))
    return found


@pytest.mark.parametrize("workers", [0, 1])
def test_patches_and_draws_are_those_of_the_cpu(
    workers: int, tiny_lake: Lake, small_spec: TrialSpec, gpu: torch.device
) -> None:
    spec = all_channels(small_spec).with_("augment", EXACT.model_dump())
    exact = [(CHANNELS[name].grid == "sar" and "sar_p" in name) or "sar_s" in name for name in spec.data.channels]
    for here, there in zip(
        prepared(batches(spec, tiny_lake, CPU)), prepared(batches(spec, tiny_lake, gpu, workers)), strict=True
    ):
        assert here[2] == there[2]
        assert torch.equal(here[1], there[1])
        assert torch.equal(here[0][:, exact], there[0][:, exact])
        torch.testing.assert_close(there[0], here[0], rtol=0, atol=1e-4)


def test_turned_patches_differ_in_the_last_bits_and_at_ties_only(gpu: torch.device) -> None:
    spec = AugmentSpec(rotate=1.0, rotate_degrees=90.0, scale=1.0, cutmix=0.5)
    x = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    y = torch.randint(6, (8, 1, 64, 64), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    here = augment(x, y, spec, torch.Generator().manual_seed(2))
    there = augment(x.to(gpu), y.to(gpu), spec, torch.Generator().manual_seed(2))
    assert (there[0].cpu() - here[0]).abs().mean() < 1e-4
    assert (there[1].cpu() != here[1]).float().mean() < 1e-3


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_from_the_device_are_those_of_the_loader(
    workers: int, tiny_lake: Lake, small_spec: TrialSpec, gpu: torch.device
) -> None:
    spec = all_channels(small_spec).with_all({"augment": EXACT.model_dump(), "loop.feed": "device"})
    data = TrialData.of(spec, tiny_lake, gpu, cache=None)
    sets = resident_sets(data, Processes())
    assert sets is not None
    sets.load(1, lambda done, total: None)
    resident = TrainingBatches(data, patch_source(data), Processes(), workers, sets.train)
    for fed, held in zip(prepared(batches(spec, tiny_lake, gpu)), prepared(resident), strict=True):
        assert fed[2] == held[2]
        assert torch.equal(fed[1], held[1])
        # What is interpolated is a product, whose kernel cuBLAS chooses by where its factors lie.
        torch.testing.assert_close(held[0], fed[0], rtol=0, atol=1e-5)
        exact = [name in ("nersc_sar_primary", "nersc_sar_secondary") for name in spec.data.channels]
        assert torch.equal(fed[0][:, exact], held[0][:, exact])


@pytest.mark.parametrize("task", ["pixel", "patch"])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "dice"])
def test_no_step_waits_for_the_device(
    task: str, loss: str, tiny_lake: Lake, small_spec: TrialSpec, gpu: torch.device
) -> None:
    changes: dict[str, object] = {"loss.name": loss, "loss.class_weights": [1.0] * 6, "loop.precision": "bfloat16"}
    if task == "patch":
        changes |= {"data.task": "patch", "data.stride": 8, "model": {"name": "cnn"}}
    augmented = {"augment.rotate": 0.5, "augment.flip_lines": 0.5, "augment.scale": 0.5, "augment.turn_wind": True}
    spec = all_channels(small_spec).with_all({**changes, **augmented})
    made = batches(spec, tiny_lake, gpu)
    trainer = Trainer(
        build_network(spec),
        Loss(spec.loss, heads_of(spec), {"SOD": [1.0] * 6}),
        loop=spec.loop,
        optimizer=spec.optimizer,
        batches_per_epoch=3,
        seed=0,
        device=gpu,
        processes=Processes(),
    )
    trainer.train_epoch(made, 0)  # kernels are chosen and memory is taken
    waiting = list(made.epoch(1))
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number, batch in enumerate(waiting):
            x, y = made.prepare(batch, 1, number)
            trainer._step(x, y, 1, number, batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
