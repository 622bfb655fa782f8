"""`smp:ARCHITECTURE`: any architecture of segmentation-models-pytorch, with our channels and classes.

`model.params` goes to the architecture: `{"encoder_name": "resnet50"}`, or an encoder of timm as
`{"encoder_name": "tu-convnext_tiny"}`, whose own parameters are then allowed too. Scenes of any size are padded to what
the architecture needs and cut again. Architectures that average over the whole map (`pspnet`, `deeplabv3`,
`deeplabv3plus`, `pan`, `upernet`, `manet`, and `fpn` by its group norm) do not give the same map in tiles as in one
piece.
smp is imported when a network of it is built.
"""

import inspect
from typing import Any

from torch import nn

from datasets.errors import unknown_name
from training.models.from_timm import check_name, weights_of
from training.models.library import built, refuse_reserved, refuse_unknown, unknown_of_many
from training.models.padding import AnySize
from training.models.weights import Receiver, load_weights, read_tensors
from training.models.weights_file import IMAGENET, given_file, hugging_face_file
from training.spec import ModelSpec, SpecError, Task

RESERVED = {
    "in_channels": "data.channels",
    "classes": "the number of classes of the targets",
    "encoder_weights": "model.pretrained",
    "aux_params": "data.task",
    "activation": "the loss, which takes logits,",
    "pretrained_cfg_overlay": "model.pretrained",
}
MULTIPLE = 32
"""Sides that every architecture takes at its usual depth of five halvings."""
LEAST = {"pan": 128}
"""Shortest side where it is more than `MULTIPLE`: PAN halves its 1/16 map three times more."""


def build(spec: ModelSpec, *, task: Task, in_channels: int, n_outputs: int) -> nn.Module:
    """Builds `smp:ARCHITECTURE`: (B, C, H, W) float channels -> (B, K, H, W) logits, for any H and W.

    Raises:
        UnknownNameError: smp has no such architecture or encoder.
        SpecError: The task is `patch`, a parameter is not allowed, or the weights are missing or do not fit.
    """
    import segmentation_models_pytorch as smp

    name = spec.name.removeprefix("smp:")
    architectures: dict[str, Any] = smp.MODEL_ARCHITECTURES_MAPPING
    if name not in architectures:
        raise unknown_name("smp architecture", name, architectures)
    if task != "pixel":
        raise SpecError(
            f"model.name = {spec.name!r} is a pixel-based network and data.task is {task!r}: for patch-based training "
            "take timm:NAME or a network of the benchmark, or change data.task"
        )
    architecture = architectures[name]
    encoder = _encoder(spec, architecture)
    extra: dict[str, Any] = {"encoder_weights": None}
    timm_native = encoder.startswith("tu-") and spec.pretrained is not None and _is_of_timm(spec, encoder)
    if timm_native:  # weights of timm are loaded by timm, while it builds the encoder
        extra = {
            "encoder_weights": True,
            "pretrained_cfg_overlay": weights_of(encoder.removeprefix("tu-"), spec, in_channels),
        }
    model = built(
        spec.name, lambda: architecture(in_channels=in_channels, classes=n_outputs, **{**spec.params, **extra})
    )
    network = AnySize(model, MULTIPLE, LEAST.get(name, MULTIPLE))
    if spec.pretrained is not None and not timm_native:
        _load(network, model, spec, encoder, in_channels)
    return network


def _encoder(spec: ModelSpec, architecture: Any) -> str:  # noqa: ANN401 (smp is untyped)
    """Name of the encoder, after a check of it and of all parameters: smp itself ignores those it does not know."""
    from segmentation_models_pytorch.encoders import get_encoder_names

    parameters = inspect.signature(architecture.__init__).parameters.values()
    own = {p.name: p.default for p in parameters if p.kind is not p.VAR_KEYWORD and p.name != "self"}
    encoder = spec.params.get("encoder_name", own["encoder_name"])
    if not isinstance(encoder, str):
        raise SpecError(f"model.params.encoder_name = {encoder!r} is not allowed: give a name like 'resnet34'")
    if encoder.startswith("tu-"):
        check_name(encoder.removeprefix("tu-"))
    elif encoder not in get_encoder_names():
        raise unknown_of_many(
            "smp encoder (those of timm are named tu-NAME)",
            encoder,
            get_encoder_names(),
            "import segmentation_models_pytorch as smp; print(smp.encoders.get_encoder_names())",
        )
    refuse_reserved(spec.name, spec.params, RESERVED)
    allowed = [each for each in own if each not in RESERVED]
    if not encoder.startswith("tu-"):
        refuse_unknown(spec.name, spec.params, allowed)
    return encoder


def _is_of_timm(spec: ModelSpec, encoder: str) -> bool:
    """Whether the weights are timm's own, and not those of a whole network or encoder of smp."""
    if spec.pretrained in (None, IMAGENET):
        return True
    names = read_tensors(given_file(spec.pretrained or ""))
    return not any(name.startswith(("network.", "encoder.", "model.")) for name in names)


def _load(network: AnySize, model: nn.Module, spec: ModelSpec, encoder: str, in_channels: int) -> None:
    head = "segmentation_head."
    if spec.pretrained == IMAGENET:
        from segmentation_models_pytorch.encoders import encoders

        settings = encoders[encoder]["pretrained_settings"].get(IMAGENET)
        if settings is None:
            raise SpecError(f"smp has no ImageNet weights for {encoder!r}: give the path of a file as model.pretrained")
        path = hugging_face_file(
            settings["repo_id"], ["model.safetensors"], f"{spec.name} {encoder}", settings["revision"]
        )
    else:
        path = given_file(spec.pretrained or "")
    receivers = [
        Receiver(module=network, fresh=(f"network.{head}",)),
        Receiver(module=model, fresh=(head,)),
        Receiver(module=model.get_submodule("encoder"), part=True),
    ]
    load_weights(receivers, read_tensors(path), in_channels, network=spec.name, path=path)
