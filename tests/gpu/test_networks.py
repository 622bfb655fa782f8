"""Every network trains and evaluates on a GPU, in every precision, in the layout that it has there."""

import pytest
import torch

from tests.training.loop.training_batches import InMemory
from training.evaluation.predict import outputs_of
from training.loop.losses import Loss
from training.loop.processes import Processes
from training.loop.trainer import Trainer
from training.models import build_network
from training.models.benchmark import NETWORKS
from training.models.heads import heads_of
from training.spec import TrialSpec

pytestmark = pytest.mark.gpu

OTHERS = {"timm:resnet18": "patch", "smp:unet": "pixel"}
TASKS = {**{name: network.task for name, network in NETWORKS.items()}, **OTHERS}
CHANNELS = ["nersc_sar_primary", "nersc_sar_secondary", "t2m", "month"]
BATCHES = 3


def spec_of(name: str, **loop: object) -> TrialSpec:
    task = TASKS[name]
    params = {"encoder_name": "resnet18"} if name == "smp:unet" else {}
    return TrialSpec.from_dict(
        {
            "data": {"task": task, "channels": CHANNELS, "patch_size": 64 if task == "pixel" else 224},
            "model": {"name": name, "params": params},
            "optimizer": {"lr": 1e-3},
            "loop": {"batch_size": 4, "batches_per_epoch": BATCHES, **loop},
        }
    )


def train(spec: TrialSpec, device: torch.device) -> tuple[Trainer, float]:
    size, task = spec.data.patch_size, spec.data.task
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, len(spec.data.channels), size, size, generator=generator).to(device)
    y = torch.randint(6, (4, 1, *((size, size) if task == "pixel" else ())), generator=generator)
    y = y.to(torch.uint8).to(device)
    torch.manual_seed(0)
    trainer = Trainer(
        build_network(spec),
        Loss(spec.loss, heads_of(spec)),
        loop=spec.loop,
        optimizer=spec.optimizer,
        batches_per_epoch=BATCHES,
        seed=0,
        device=device,
        processes=Processes(),
    )
    return trainer, trainer.train_epoch(InMemory(BATCHES, lambda epoch, number: (x, y)), 0).loss


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", TASKS)
def test_a_network_trains_and_evaluates(name: str, precision: str, gpu: torch.device) -> None:
    spec = spec_of(name, precision=precision)
    trainer, loss = train(spec, gpu)
    assert 0 < loss < 20
    assert all(value.dtype == torch.float32 and value.is_cuda for value in trainer.model.parameters())
    convolutions = [value for value in trainer.model.parameters() if value.ndim == 4 and min(value.shape[1:]) > 1]
    assert all(value.is_contiguous(memory_format=torch.channels_last) for value in convolutions)
    size = spec.data.patch_size + (5 if spec.data.task == "pixel" else 0)
    x = torch.randn(1, len(CHANNELS), size, size, generator=torch.Generator().manual_seed(1))
    outputs = outputs_of(trainer.model, x.to(gpu))
    assert outputs.dtype == torch.float32
    there, here = outputs.cpu(), outputs_of(trainer.model.cpu(), x)
    assert (there - here).abs().max() < 2e-3 * here.abs().max().clamp(min=1), "float32 is float32 on both"


@pytest.mark.parametrize("name", ["unet", "cnn", "deeplabv3"])
def test_precisions_agree_on_the_loss(name: str, gpu: torch.device) -> None:
    exact, *others = (train(spec_of(name, precision=each), gpu)[1] for each in ("float32", "bfloat16", "float16"))
    assert others == pytest.approx([exact, exact], rel=0.05)
    assert exact == pytest.approx(train(spec_of(name, precision="float32"), torch.device("cpu"))[1], rel=1e-3)
