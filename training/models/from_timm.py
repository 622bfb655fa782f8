"""`timm:NAME`: any classification network of timm, with our channels and classes.

`model.params` goes to `timm.create_model` (`{"img_size": 256}` for a transformer that is made for one patch size).
Names may carry timm's tag of a set of weights, `timm:resnet50.a1_in1k`. Weights are loaded by timm itself from a file
(its own cached one, or a given one), which adapts the first layer and drops the head; nothing is downloaded.
timm is imported when a network of it is built.
"""

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.models.library import built, first_line, refuse_reserved, unknown_of_many
from training.models.weights import first_misfit
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
    """Builds `timm:NAME`: (B, C, P, P) float channels -> (B, K) logits.

    Raises:
        UnknownNameError: timm has no network of this name.
        SpecError: The task is `pixel`, a parameter is not allowed, or the weights are missing or do not fit.
    """
    import timm

    name = spec.name.removeprefix("timm:")
    if task != "patch":
        raise SpecError(
            f"model.name = {spec.name!r} is a patch-based network and data.task is {task!r}: for pixel-based training "
            f"take model.name = 'smp:unet' with model.params.encoder_name = 'tu-{name}', or change data.task"
        )
    check_name(name)
    refuse_reserved(spec.name, spec.params, RESERVED)
    overlay = weights_of(name, spec, in_channels) if spec.pretrained is not None else None
    return built(
        spec.name,
        lambda: timm.create_model(
            name,
            pretrained=overlay is not None,
            pretrained_cfg_overlay=overlay,
            in_chans=in_channels,
            num_classes=n_outputs,
            **spec.params,
        ),
    )


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
    _check_fit(name, spec, path, in_channels)
    # A file of tensors needs no loader of its own, which timm has for some of its own files.
    return {"file": str(path), "custom_load": False}


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


def _check_fit(name: str, spec: ModelSpec, path: Path, in_channels: int) -> None:
    """Raises SpecError for a file that is not of this network: timm itself would leave out what it does not find."""
    import timm
    from timm.models import load_state_dict

    params = {key: value for key, value in spec.params.items() if not spec.name.startswith("smp:")}

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
    misfit = first_misfit(model.state_dict(), tensors, in_channels, fresh=fresh)
    if misfit and (convert := getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)):
        # timm's convention: this turns the names and shapes of other releases of the weights into its own
        converted = (
            convert(dict(tensors), model) if len(inspect.signature(convert).parameters) > 1 else convert(dict(tensors))
        )
        misfit = first_misfit(model.state_dict(), converted, in_channels, fresh=fresh) and misfit
    if misfit:
        raise SpecError(
            f"the weights {str(path)!r} do not fit {spec.name!r}: {misfit}; give weights of the same network"
        )
