"""Attribution of a batch of patches against the forward and backward passes that it cannot do without.

Integrated Gradients for all classes need, at each step, one forward pass and one backward pass per class: logits of
different classes have different gradients. The floor is just these, on inputs that are ready and with gradients that
are thrown away, timed before and after the method (a shared machine drifts), in processor seconds of all threads. Of
the floor a quarter of the steps is timed on either side, since all of them take as long as the method itself.
Every patch of the batch has all six classes, so no pass can be saved.
"""

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from datasets.channels import INPUTS
from datasets.labels import SOD
from tests.benchmarks.full_scene import Row
from training.attribution.assigned import AssignedPatches, ClassGradients, ExplainedNetwork, assign
from training.attribution.features import Features
from training.attribution.methods import feature_ablation, integrated_gradients
from training.evaluation.predict import outputs_of
from training.models.heads import Head
from training.models.unet import UNet

PATCHES, SIDE, STEPS = 16, 256, 32
GRADIENTS_REACH, ABLATION_REACH = 1.3, 1.3
HEAD = Head(chart=SOD, regression=False, first=0)
FEATURES = Features.of(INPUTS, groups=False)


def measure() -> list[Row]:
    """Explains one batch of a U-Net of the benchmark; some minutes on two cores."""
    torch.manual_seed(0)
    model = UNet(len(INPUTS), HEAD.width).eval().requires_grad_(False)
    x, bank = torch.randn(PATCHES, len(INPUTS), SIDE, SIDE), torch.randn(1, len(INPUTS), SIDE, SIDE)
    patches = _with_all_classes(model, x)
    return [_gradients_row(model, patches, bank), _ablation_row(model, patches, bank)]


def _with_all_classes(model: UNet, x: torch.Tensor) -> AssignedPatches:
    """Fresh weights mostly predict one class only; here every class has its share of the pixels of each patch."""
    logits = outputs_of(model, x)
    spread = logits - logits.mean(dim=(0, 2, 3), keepdim=True)
    wanted = torch.ones(len(x), SIDE, SIDE, dtype=torch.bool)
    assigned = assign(spread, HEAD, wanted, tuple(range(HEAD.width)))
    patches = AssignedPatches(
        x=x, valid=wanted, assigned=assigned, logits=logits, draws=tuple((0, row) for row in range(len(x)))
    )
    assert (patches.counts > 0).all()
    return patches


def _gradients_row(model: nn.Module, patches: AssignedPatches, bank: torch.Tensor) -> Row:
    network = ExplainedNetwork(model=model, head=HEAD, features=FEATURES, bank=bank, name="unet")
    explain = partial(integrated_gradients, network, steps=STEPS)
    classes = HEAD.width
    seeds = []
    for own in range(classes):
        seed = torch.zeros_like(patches.logits)
        seed[:, own] = (patches.assigned == own).float()
        seeds.append(seed)

    def passes() -> None:
        for _ in range(STEPS // 4):
            with torch.enable_grad():
                x = patches.x.detach().requires_grad_()
                outputs = model(x)
            for own, seed in enumerate(seeds):
                torch.autograd.grad(outputs, x, grad_outputs=seed, retain_graph=own < classes - 1)

    assert len(ClassGradients(model, HEAD, patches).turns) == classes
    measured, half = _between(lambda: explain(patches), passes)
    floor, ratio = 2 * half, measured / (2 * half)
    return Row(
        what=f"Integrated Gradients, {STEPS} steps, {PATCHES} patches of {SIDE}, {classes} classes",
        measured=f"{measured:.1f} s",
        floor=f"{floor:.1f} s",
        ratio=f"{ratio:.3f}",
        reach=f"<= {GRADIENTS_REACH:.2f}",
        reached=ratio <= GRADIENTS_REACH,
        note=f"processor seconds; floor: {STEPS} forward and {STEPS * classes} backward passes alone",
    )


def _ablation_row(model: nn.Module, patches: AssignedPatches, bank: torch.Tensor) -> Row:
    network = ExplainedNetwork(model=model, head=HEAD, features=FEATURES, bank=bank, name="unet")
    explain = partial(feature_ablation, network)

    def passes() -> None:
        for _ in FEATURES.channels:
            outputs_of(model, patches.x)

    measured, twice = _between(lambda: explain(patches), passes)
    floor, ratio = twice / 2, 2 * measured / twice
    return Row(
        what=f"feature ablation, {len(FEATURES)} channels, {PATCHES} patches of {SIDE}, {HEAD.width} classes",
        measured=f"{measured:.1f} s",
        floor=f"{floor:.1f} s",
        ratio=f"{ratio:.3f}",
        reach=f"<= {ABLATION_REACH:.2f}",
        reached=ratio <= ABLATION_REACH,
        note=f"processor seconds; floor: {len(FEATURES)} forward passes alone; a test counts them",
    )


def _between(work: Callable[[], object], floor: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds of the work, and of the floor before and after it together."""
    before = _cpu(floor)
    measured = _cpu(work)
    return measured, before + _cpu(floor)


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
