"""`timm:NAME`: any network of timm, with our channels and classes: a classifier, or an encoder with a linear head.

Patch-based it is timm's classifier. Pixel-based, with `model.head: linear`, it gives its feature maps to one linear
layer (`training.models.linear_head`), as transformers and other encoders without a decoder are used; which maps these
are is timm's `out_indices` in `model.params`.

`model.params` goes to `timm.create_model` (`{"img_size": 256}` for a transformer that is made for one patch size).
Names may carry timm's tag of a set of weights, `timm:resnet50.a1_in1k`. Weights are loaded by timm itself from a file
(its own cached one, or a given one), which adapts the first layer and drops the head; nothing is downloaded.
timm is imported when a network of it is built.
"""

import inspect
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.models.library import built, first_line, refuse_reserved, unknown_of_many
from training.models.linear_head import LinearHead
from training.models.padding import AnySize
from training.models.weights import first_channels, first_misfit
from training.models.weights_file import IMAGENET, given_file, hugging_face_file, torch_hub_file
from training.spec import ModelSpec, SpecError, Task

_WEIGHTS = "model.pretrained"
RESERVED = {
    "in_chans": "data.channels",
    "num_classes": "the number of classes of the target",
    "features_only": "data.task",
    "scriptable": "the loop",
    "exportable": "the loop",
    **dict.fromkeys(
        ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"), _WEIGHTS
    ),
}


def build(spec: ModelSpec, *, task: Task, in_channels: int, n_outputs: int) -> nn.Module:
    """Builds `timm:NAME`: (B, C, P, P) float channels -> (B, K) logits, or (B, C, H, W) -> (B, K, H, W).

    Raises:
        UnknownNameError: timm has no network of this name.
        SpecError: The task is `pixel` and the head is not linear, a parameter is not allowed, or the weights are
            missing or do not fit.
    """
    import timm

    name = spec.name.removeprefix("timm:")
    if task == "pixel" and spec.head != "linear":
        raise SpecError(
            f"model.name = {spec.name!r} is a patch-based network and data.task is {task!r}: for pixel-based training "
            f"take model.name = 'smp:unet' with model.params.encoder_name = 'tu-{name}', set model.head = 'linear', or "
            "change data.task"
        )
    check_name(name)
    refuse_reserved(spec.name, spec.params, RESERVED)
    overlay = weights_of(name, spec, in_channels) if spec.pretrained is not None else None
    form: dict[str, Any] = {"num_classes": n_outputs} if task == "patch" else {"features_only": True}
    model = built(
        spec.name,
        lambda: timm.create_model(
            name,
            pretrained=overlay is not None,
            pretrained_cfg_overlay=overlay,
            in_chans=in_channels,
            **form,
            **spec.params,
        ),
    )
    if task == "patch":
        return model
    info: Any = model.feature_info
    strides: list[int] = info.reduction()
    head = LinearHead(_Maps(model), list(zip(info.channels(), strides, strict=True)), n_outputs)
    return AnySize(head, math.lcm(*strides))


class _Maps(nn.Module):
    """The feature maps (B, F, h, w) of a network of timm; some of its networks have the features last."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._features_last = getattr(network, "output_fmt", None) == "NHWC"

    def forward(self, x_BCHW: torch.Tensor) -> list[torch.Tensor]:
        """One map for each of `out_indices`."""
        maps: list[torch.Tensor] = self.network(x_BCHW)
        return [each.permute(0, 3, 1, 2).contiguous() if self._features_last else each for each in maps]


def check_name(name: str) -> None:
    """Raises UnknownNameError, with the nearest names, for a network or a tag that timm does not have."""
    import timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise unknown_of_many("timm network", name, timm.list_models(), "import timm; print(timm.list_models())")
    tagged = timm.list_pretrained(f"{architecture}.*")
    if tag and name not in tagged:
        listing = f'import timm; print(timm.list_pretrained("{architecture}.*"))'
        raise unknown_of_many("timm network", name, tagged, listing)


def weights_of(name: str, spec: ModelSpec, in_channels: int) -> dict[str, Any]:
    """Arguments of `timm.create_model` that load `spec.pretrained` from a file of this machine.

    `name` is a network of timm, with or without a tag: that of the spec, or of its encoder.

    Raises:
        SpecError: There is no such file, or its tensors do not fit.
    """
    if spec.pretrained == IMAGENET:
        return {"file": str(_cached(name, spec.name))}
    path = given_file(spec.pretrained or "")
    channels = _check_fit(name, spec, path, in_channels)
    # A file of tensors needs no loader of its own, which timm has for some of its own files.
    return {"file": str(path), "custom_load": False, **_input_size(name, channels)}


def _input_size(name: str, channels: int) -> dict[str, Any]:
    """Tells timm for how many channels a file is, so that it makes a first layer for ours; it takes 3 for granted."""
    import timm

    config = timm.get_pretrained_cfg(name)
    usual = (3, 224, 224) if config is None else config.input_size
    return {} if channels == usual[0] else {"input_size": (channels, *usual[1:])}


def _cached(name: str, shown: str) -> Path:
    import timm

    config = timm.get_pretrained_cfg(name)
    if config is not None and config.hf_hub_id:
        wanted = config.hf_hub_filename or "pytorch_model.bin"
        safe = {"pytorch_model.bin": "model.safetensors", "open_clip_pytorch_model.bin": "open_clip_model.safetensors"}
        better = [safe.get(wanted, wanted.removesuffix(".bin") + ".safetensors")] if wanted.endswith(".bin") else []
        repository, _, revision = config.hf_hub_id.partition("@")
        return hugging_face_file(repository, [*better, wanted], shown, revision or None)
    if config is not None and config.url:
        return torch_hub_file(config.url if isinstance(config.url, str) else config.url[0], shown)
    raise SpecError(f"timm has no pretrained weights for {shown!r}: give the path of a file as model.pretrained")


def _check_fit(name: str, spec: ModelSpec, path: Path, in_channels: int) -> int:
    """The channels that a file is for; raises SpecError for a file that is not of this network.

    timm itself would leave out what it does not find.
    """
    import timm
    from timm.models import load_state_dict

    of_features = ("out_indices", "output_stride") if spec.head == "linear" else ()
    params = {
        key: value for key, value in spec.params.items() if not spec.name.startswith("smp:") and key not in of_features
    }

    def plain() -> nn.Module:
        return built(spec.name, lambda: timm.create_model(name, in_chans=in_channels, **params))

    try:
        with torch.device("meta"):
            model = plain()
    except SpecError:  # some networks cannot be built without values
        with torch.random.fork_rng(devices=[]):
            model = plain()
    try:
        tensors: Mapping[str, torch.Tensor] = load_state_dict(str(path))
    except Exception as error:
        raise SpecError(
            f"{str(path)!r} cannot be read as weights ({first_line(error)}): give a .pth or .safetensors file of "
            "tensors"
        ) from error
    heads = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    fresh = tuple(f"{head}." for head in ([heads] if isinstance(heads, str) else heads))
    own, found = model.state_dict(), tensors
    misfit = first_misfit(own, tensors, in_channels, fresh=fresh)
    if misfit and (convert := getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)):
        # timm's convention: this turns the names and shapes of other releases of the weights into its own
        converted = (
            convert(dict(tensors), model) if len(inspect.signature(convert).parameters) > 1 else convert(dict(tensors))
        )
        misfit, found = first_misfit(own, converted, in_channels, fresh=fresh) and misfit, converted
    if misfit:
        raise SpecError(
            f"the weights {str(path)!r} do not fit {spec.name!r}: {misfit}; give weights of the same network"
        )
    return first_channels(own, found) or in_channels
