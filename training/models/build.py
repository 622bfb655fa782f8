"""`build_model`: the network of a spec, from any of the sources of networks."""

from torch import nn

from training.models import benchmark, floors, from_smp, from_timm, own
from training.models.encoder import check_encoder, freeze
from training.models.heads import n_outputs
from training.models.linear_head import with_linear_head
from training.spec import ModelSpec, Task, TrialSpec


def build_model(spec: ModelSpec, *, task: Task, in_channels: int, n_outputs: int) -> nn.Module:
    """Builds the network of `spec` with fresh weights from torch's generator or pretrained ones.

    Pixel-based networks map (B, C, H, W) float channels to (B, K, H, W) logits for any H and W, patch-based ones
    (B, C, P, P) to (B, K): `n_outputs` is K (`training.models.heads.n_outputs`). The pixel-based networks of IceBench
    have a 7th output that can never be a target; ours have one per class. To give the weights of a checkpoint to the
    network, build it without pretrained ones.

    Raises:
        UnknownNameError: No network has this name.
        SpecError: The network is of the other task, a parameter is not allowed, or the weights are missing or do not
            fit.
    """
    family = benchmark.build
    if spec.name.startswith("timm:"):
        family = from_timm.build
    elif spec.name.startswith("smp:"):
        family = from_smp.build
    elif spec.name.startswith(floors.PREFIX):
        family = floors.build
    elif ":" in spec.name:
        family = own.build
    model = family(spec, task=task, in_channels=in_channels, n_outputs=n_outputs)
    if spec.head == "own" or spec.name.startswith("timm:"):  # timm's are built with one
        return model
    return with_linear_head(model, name=spec.name, in_channels=in_channels, n_outputs=n_outputs)


def build_network(spec: TrialSpec) -> nn.Module:
    """The network of a trial, by `build_model`: an input for each channel, the outputs of the heads of its charts.

    Where the spec freezes its encoder, no weight of it has a gradient.
    """
    model = build_model(spec.model, task=spec.data.task, in_channels=len(spec.inputs), n_outputs=n_outputs(spec))
    encoder = check_encoder(model, spec.model, spec.optimizer.encoder_lr_factor)
    if encoder is not None and spec.model.freeze == "encoder":
        freeze(encoder)
    return model


def count_parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Number of parameters: all, or those that are trained."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad or not trainable)
