"""What networks of timm and of segmentation-models-pytorch have in common: names, parameters, errors."""

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches

from torch import nn

from datasets.errors import IceBenchError, UnknownNameError
from training.spec import SpecError


def unknown_of_many(kind: str, given: str, known: Collection[str], listing: str) -> UnknownNameError:
    """The error for a name outside a long vocabulary: the nearest names, and the Python that lists all of them."""
    near = get_close_matches(given, known, n=3, cutoff=0.5)
    nearest = f"the nearest of {len(known)} are {', '.join(near)}" if near else f"none of {len(known)} is near"
    return UnknownNameError(f"unknown {kind} {given!r}: {nearest}; python -c '{listing}' lists them")


def refuse_reserved(name: str, params: Iterable[str], reserved: Mapping[str, str]) -> None:
    """Raises SpecError for a parameter that the trial itself decides; `reserved` says by what."""
    for param in params:
        if param in reserved:
            raise SpecError(
                f"model.params.{param} of {name!r} is not free: {reserved[param]} decides it; remove it from "
                "model.params"
            )


def refuse_unknown(name: str, params: Iterable[str], allowed: Collection[str]) -> None:
    """Raises SpecError for a parameter that a network does not have."""
    for param in params:
        if param not in allowed:
            raise SpecError(
                f"model.params.{param} is no parameter of {name!r}: allowed are {', '.join(allowed) or 'none'}; remove "
                "it or correct its name"
            )


def built(name: str, build: Callable[[], object]) -> nn.Module:
    """Returns what `build` returns; any error becomes one sentence that names the network.

    Raises:
        SpecError: The network cannot be built with these parameters, or is none.
    """
    try:
        model = build()
    except IceBenchError:
        raise
    except Exception as error:
        raise SpecError(
            f"{name!r} cannot be built with these model.params ({first_line(error)}): correct or remove them"
        ) from error
    if not isinstance(model, nn.Module):
        raise SpecError(f"{name!r} makes a {type(model).__name__}: it must make a torch.nn.Module")
    return model


def first_line(error: Exception) -> str:
    """Kind of an error and the first line of what it says."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
