"""`package.module:Class`: a network of the user's own, imported by its name.

It is called as `Class(in_channels=..., n_outputs=..., **model.params)`; a function that returns a network does as well.
Where pixel-based it maps (B, C, H, W) float channels to (B, K, H, W) logits for scenes of any height and width (wrap it
in `training.models.padding.AnySize` when its sides must be multiples of something), where patch-based (B, C, P, P) to
(B, K). The module must be importable where trials run: in the folder that they are started from, or installed.

Its attribute `encoder`, where it has one, is what `model.freeze`, `model.head` and `optimizer.encoder_lr_factor` are
about: the module that makes features, (B, C, H, W) -> a map (B, F, h, w) or a list of maps (`training.models.encoder`).

The trial's identity holds the name of the class and not its code: give a changed network another name.
"""

import importlib
import inspect
from collections.abc import Callable, Iterable

from torch import nn

from training.models.library import built, first_line, refuse_reserved
from training.models.padding import plain
from training.models.weights import Receiver, load_weights, read_tensors
from training.models.weights_file import IMAGENET, given_file
from training.spec import ModelSpec, SpecError, Task


def build(spec: ModelSpec, *, task: Task, in_channels: int, n_outputs: int) -> nn.Module:
    """Builds the network of a class.

    A file of weights must fit it, or its encoder, tensor by tensor, but for a first convolution for other channels.

    Raises:
        SpecError: There is no such module or class, it takes other arguments, fails, or makes no network.
    """
    make = _imported(spec.name)
    reserved = {"in_channels": "data.channels", "n_outputs": "the number of classes of the targets"}
    refuse_reserved(spec.name, spec.params, reserved)
    arguments = {"in_channels": in_channels, "n_outputs": n_outputs, **spec.params}
    _check_signature(spec.name, make, arguments)
    model = built(spec.name, lambda: make(**arguments))
    if spec.pretrained == IMAGENET:
        raise SpecError(f"there are no ImageNet weights for {spec.name!r}: give the path of a file as model.pretrained")
    if spec.pretrained is not None:
        path = given_file(spec.pretrained)
        receivers = [Receiver(module=model)]
        if isinstance(encoder := getattr(plain(model), "encoder", None), nn.Module):
            # A file may be of it alone, or of what it wraps.
            receivers += [Receiver(module=module, part=True) for module in (encoder, *encoder.children())]
        load_weights(receivers, read_tensors(path), in_channels, network=spec.name, path=path)
    return model


def _check_signature(name: str, make: Callable[..., object], arguments: Iterable[str]) -> None:
    try:
        signature = inspect.signature(make)
    except ValueError:  # for example written in C: the call itself will show it
        return
    try:
        signature.bind(**dict.fromkeys(arguments))
    except TypeError as error:
        raise SpecError(
            f"{name!r} takes {signature} and is called with {', '.join(arguments)} ({error}): a network takes "
            "in_channels, n_outputs and what is in model.params"
        ) from error


def _imported(name: str) -> Callable[..., object]:
    """The object named `module:attribute`; raises SpecError."""
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise SpecError(
            f"model.name = {name!r}: {module_name!r} cannot be imported ({first_line(error)}); it must be in the "
            "folder that the trial is started from, or installed"
        ) from error
    found = getattr(module, attribute, None)
    if not callable(found):
        classes = [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module_name]
        raise SpecError(
            f"model.name = {name!r}: {module_name!r} has no class {attribute!r}; its own classes are "
            f"{', '.join(each.__name__ for each in classes) or 'none'}"
        )
    make: Callable[..., object] = found
    return make
