"""Batches in memory and a quick trainer, for the tests of the loop."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from datasets.loading.batch import Batch, Window
from training.loop.losses import Loss
from training.loop.processes import Processes
from training.loop.trainer import Trainer
from training.models.heads import heads_of
from training.models.unet import UNet
from training.spec import LoopSpec, ModelSpec, OptimizerSpec, TrialSpec

CPU = torch.device("cpu")


def learnable(seed: int, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise whose class is the sign of the first channel; a border without labels."""
    x = torch.randn((4, 2, size, size), generator=torch.Generator().manual_seed(seed))
    y = (x[:, :1] > 0).to(torch.uint8)
    y[:, :, :2] = 255
    return x, y


class InMemory:
    """Batches from a function of (epoch, number); a `TrainingData`."""

    def __init__(self, batches: int, example: Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]) -> None:
        self.batches = batches
        self.example = example

    def __len__(self) -> int:
        return self.batches

    def epoch(self, number: int) -> Iterator[Batch]:
        for place in range(self.batches):
            nothing = torch.empty(4, 0)
            windows = tuple(Window(f"scene{place}", 0, 0) for _ in range(4))
            yield Batch(self.example(number, place)[0], *[nothing] * 8, windows)

    def prepare(self, batch: Batch, epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.example(epoch, number)


def unet() -> nn.Module:
    torch.manual_seed(0)
    return UNet(2, 6, filters=[8, 8])


def trainer_of(
    model: nn.Module,
    batches: int,
    optimizer: OptimizerSpec | None = None,
    *,
    processes: Processes | None = None,
    loss: str = "cross_entropy",
    network: ModelSpec | None = None,
    **loop: object,
) -> Trainer:
    spec = TrialSpec().with_("loss.name", loss)
    return Trainer(
        model,
        Loss(spec.loss, heads_of(spec)),
        loop=LoopSpec.model_validate({"batch_size": 4, "batches_per_epoch": batches, **loop}),
        optimizer=optimizer or OptimizerSpec(lr=1e-2, schedule="none"),
        batches_per_epoch=batches,
        seed=0,
        device=CPU,
        processes=processes or Processes(),
        network=network,
    )
