"""How long a step of a network takes on this machine, with random patches: before anything is trained for real."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch

from datasets.loading.batch import Batch, Window
from training.loop.cost import Clock, forget_peak, used_since
from training.loop.device_memory import memory_of, to_train
from training.loop.losses import Loss
from training.loop.machine import best_device, versions_of
from training.loop.precision import whole_float32
from training.loop.processes import Processes
from training.loop.trainer import Trainer
from training.models import build_network, count_parameters
from training.models.heads import heads_of
from training.spec import TrialSpec

_STEPS: Final = 3
_SLOW_S: Final = 3.0
"""A network whose first step takes longer is timed with one more step only."""


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """One step of the optimizer on one batch.

    Attributes:
        device: Name of the machine's GPU or processor.
        on_gpu: Which of the two.
        seconds: Wall time of a step.
        processor_seconds: Processor time of a step.
        forward_seconds: Wall time of a batch without gradients, as when scenes are scored.
        memory_mib: Peak, of the GPU where there is one, else of the process.
        parameters: Of the network.
    """

    device: str
    on_gpu: bool
    seconds: float
    processor_seconds: float
    forward_seconds: float
    memory_mib: float
    parameters: int


class _RandomBatches:
    """The same random batch again and again, shaped as those of a spec."""

    def __init__(self, spec: TrialSpec, count: int, device: torch.device) -> None:
        generator, size = torch.Generator().manual_seed(0), spec.data.patch_size
        x = torch.randn(spec.loop.batch_size, len(spec.inputs), size, size, generator=generator)
        shape = x.shape[-2:] if spec.data.task == "pixel" else ()
        classes = [
            torch.randint(head.chart.n_classes, (len(x), *shape), generator=generator) for head in heads_of(spec)
        ]
        self.x, self.y = x.to(device), torch.stack(classes, dim=1).to(torch.uint8).to(device)
        self._count = count

    def __len__(self) -> int:
        return self._count

    def epoch(self, number: int) -> Iterator[Batch]:
        """Batches without content, since `prepare` has it."""
        nothing, windows = torch.empty(0), (Window("random", 0, 0),) * len(self.x)
        for _ in range(self._count):
            yield Batch(nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, windows)

    def prepare(self, batch: Batch, epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The random patches and labels."""
        return self.x, self.y


def step_cost(spec: TrialSpec) -> StepCost:
    """Builds the network of a spec, without pretrained weights, and times a few steps of its training.

    Raises:
        SpecError, UnknownNameError: There is no such network.
        DeviceMemoryError: The GPU has no memory for a step.
    """
    spec, device = spec.with_("model.pretrained", None), best_device()
    with whole_float32(), memory_of(device, "train", to_train(spec)):
        return _measured(spec, device)


def _measured(spec: TrialSpec, device: torch.device) -> StepCost:
    model = build_network(spec)
    forget_peak(device)
    trainer = Trainer(
        model,
        Loss(spec.loss, heads_of(spec)),
        loop=spec.loop,
        optimizer=spec.optimizer,
        network=spec.model,
        batches_per_epoch=1,
        seed=0,
        device=device,
        processes=Processes.current(),
    )
    clock = Clock.now()
    trainer.train_epoch(_RandomBatches(spec, 1, device), 0)  # kernels are chosen and memory is taken
    _wait(device)  # the last loss is read before its step has ended
    steps = 1 if clock.seconds() > _SLOW_S else _STEPS
    batches, clock = _RandomBatches(spec, steps, device), Clock.now()
    trainer.train_epoch(batches, 0)
    _wait(device)
    seconds, processor = clock.seconds() / steps, clock.processor_seconds() / steps
    model.eval()
    with torch.inference_mode():
        model(batches.x)
        _wait(device)
        started = time.perf_counter()
        model(batches.x)
        _wait(device)
        forward = time.perf_counter() - started
    return StepCost(
        device=versions_of(device)["device"],
        on_gpu=device.type == "cuda",
        seconds=seconds,
        processor_seconds=processor,
        forward_seconds=forward,
        memory_mib=used_since(clock, device)["cost/peak_memory_mib"],
        parameters=count_parameters(model),
    )


def _wait(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
