"""Checks that a network can be used for a trial, before anything starts and as far as possible without computing.

A network runs on the meta device, where tensors have shapes and no values; one that cannot (because what it does
depends on values) gets a real batch of two patches instead.
"""

import torch
from torch import nn
from torch.func import functional_call

from datasets.plural import plural
from training.models.build import build_network
from training.models.heads import n_outputs as outputs_of
from training.models.library import first_line
from training.spec import SpecError, Task, TrialSpec

Shape = tuple[int, ...]


def check_network(spec: TrialSpec) -> None:
    """Raises for a network that cannot be built, or that cannot train on the batches and score the scenes of `spec`.

    A file of weights is read and fitted. torch's generator stays as it was.

    Raises:
        UnknownNameError: No network, encoder or architecture has this name.
        SpecError: Anything else that `build_model` or `check_output` finds.
    """
    with torch.random.fork_rng(devices=[]):  # some layers draw from it even on the meta device
        if spec.model.pretrained is None:
            with torch.device("meta"):
                try:
                    _check(spec)
                except Exception:  # noqa: BLE001 (any network can fail on the meta device: the real one, below, decides)
                    pass
                else:
                    return
        _check(spec)


def check_output(
    model: nn.Module,
    *,
    task: Task,
    in_channels: int,
    n_outputs: int,
    patch_size: int,
    batch_size: int,
    name: str = "of the trial",
) -> None:
    """Raises SpecError when the network fails, or returns anything but one tensor of the right shape.

    A pixel-based one must also take scenes of any size, in eval mode. Weights, statistics of batch norm, the mode of
    the network, its device and torch's generator stay as they were.
    """
    batch = (batch_size, in_channels, patch_size, patch_size)
    try:
        given, answer = _answer(model, batch, training=True)
    except Exception as error:
        raise SpecError(
            f"the network {name!r} cannot train on batches of {plural(batch_size, 'patch', 'patches')} of "
            f"{patch_size} pixels ({first_line(error)}): use a larger data.patch_size or loop.batch_size, or change "
            "the network"
        ) from error
    _compare(name, answer, given, (given[0], n_outputs, *(given[2:] if task == "pixel" else ())))
    if task == "pixel":
        scene = (1, in_channels, patch_size + 5, patch_size + 3)
        try:
            given, answer = _answer(model, scene, training=False)
        except Exception as error:
            raise SpecError(
                f"the network {name!r} cannot take a scene of {scene[2]} x {scene[3]} pixels ({first_line(error)}): "
                "scenes have any size; wrap a network that needs multiples in training.models.AnySize"
            ) from error
        _compare(name, answer, given, (1, n_outputs, *given[2:]))


def _check(spec: TrialSpec) -> None:
    check_output(
        build_network(spec),
        task=spec.data.task,
        in_channels=len(spec.inputs),
        n_outputs=outputs_of(spec),
        patch_size=spec.data.patch_size,
        batch_size=spec.loop.batch_size,
        name=spec.model.name,
    )


def _answer(model: nn.Module, shape: Shape, *, training: bool) -> tuple[Shape, object]:
    """Shape of the input, and the network's output for it: of at most two patches where it has to compute."""
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            try:
                absent = {name: tensor.to("meta") for name, tensor in state.items()}
                return shape, functional_call(model, absent, (torch.empty(shape, device="meta"),))
            except Exception:
                if any(tensor.is_meta for tensor in state.values()):
                    raise
            small = (min(shape[0], 2), *shape[1:])
            device = next(iter(state.values()), torch.empty(0)).device
            statistics = {name: tensor.clone() for name, tensor in model.named_buffers()}
            return small, functional_call(model, statistics, (torch.zeros(small, device=device),))
    finally:
        for module, mode in modes:
            module.training = mode


def _compare(name: str, answer: object, given: Shape, wanted: Shape) -> None:
    if not isinstance(answer, torch.Tensor):
        raise SpecError(
            f"the network {name!r} returns a {type(answer).__name__} for {given}: it must return one tensor of logits, "
            f"{wanted}"
        )
    if tuple(answer.shape) != wanted:
        raise SpecError(
            f"the network {name!r} returns {tuple(answer.shape)} for {given}: wanted is {wanted}, one output for each "
            "class of the targets"
        )
    if not answer.is_floating_point():
        raise SpecError(f"the network {name!r} returns {answer.dtype}: logits must be floating-point numbers")
