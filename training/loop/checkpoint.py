"""Checkpoints: the weights of a trial with all that is needed to use them again, as tensors and plain values only."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from datasets.errors import IceBenchError
from datasets.loading.normalize import Normalization
from training.loop.epoch import EpochRow
from training.loop.trainer import FitState
from training.models import build_network
from training.spec import TrialSpec

FORMAT = 2


class CheckpointError(IceBenchError, ValueError):
    """The file is missing, torn, or no checkpoint of this format."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One network at one epoch.

    Attributes:
        spec: What it was trained for.
        normalization: Channel statistics of its training scenes; inputs must be normalized with these.
        epoch: Epoch of the weights, from 0.
        state: Weights on the CPU.
    """

    spec: TrialSpec
    normalization: Normalization
    epoch: int
    state: dict[str, torch.Tensor]

    def model(self) -> nn.Module:
        """Builds the network with these weights, in eval mode on the CPU."""
        network = build_network(self.spec.with_("model.pretrained", None))  # its weights are here
        network.load_state_dict(self.state)
        return network.eval()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file in one step: a reader, or a crash, sees the old file or the new one, never half of it."""
    _write(
        path,
        {
            "kind": "weights",
            "spec": checkpoint.spec.to_dict(),
            "normalization": checkpoint.normalization.to_dict(),
            "epoch": checkpoint.epoch,
            "state": checkpoint.state,
        },
    )


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint without running any code from it; raises CheckpointError."""
    advice = "give the best.pt of a finished trial"
    content = _read(path, "weights", advice)
    try:
        return Checkpoint(
            spec=TrialSpec.from_dict(content["spec"]),
            normalization=Normalization.from_dict(content["normalization"]),
            epoch=content["epoch"],
            state=content["state"],
        )
    except (KeyError, TypeError, ValueError) as error:  # a ValidationError is a ValueError, and so is a SpecError
        raise _no_checkpoint(path, error, advice) from error


def save_progress(path: Path, trial_id: str, state: FitState) -> None:
    """Writes the state of a training after an epoch, in one step."""
    content = {field.name: getattr(state, field.name) for field in fields(state)}
    content["history"] = [row.model_dump() for row in state.history]
    _write(path, {"kind": "progress", "trial_id": trial_id, **content})


def load_progress(path: Path, trial_id: str) -> FitState | None:
    """State at which a training of this trial stopped; None if it finished no epoch here. Raises CheckpointError."""
    if not path.exists():
        return None
    content = _read(path, "progress", "remove it to train the trial from its start")
    if content["trial_id"] != trial_id:
        raise CheckpointError(
            f"{str(path)!r} is of trial {content['trial_id']} and not of {trial_id}: give every trial a folder of its "
            "own, or remove what is in this one"
        )
    values = {field.name: content[field.name] for field in fields(FitState)}
    return FitState(**{**values, "history": [EpochRow(**row) for row in content["history"]]})


def fits(best: Path, state: FitState) -> bool:
    """Whether a checkpoint is of the best epoch of a training that stopped in this state, or of one after it.

    An older one may have come over it from a host that was cut off while it sent it; raises CheckpointError if torn.
    """
    if not best.is_file():
        return False
    epoch = load_checkpoint(best).epoch
    return epoch == state.best_epoch or epoch >= len(state.history)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        torch.save({"format": FORMAT, **content}, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _no_checkpoint(path: Path, error: Exception, advice: str) -> CheckpointError:
    said = str(error).partition("\n")[0].partition(". ")[0]  # torch adds advice for programmers
    reason = f"{type(error).__name__}: {said}"[:200]
    return CheckpointError(f"{str(path)!r} cannot be read as a checkpoint ({reason}): {advice}")


def _read(path: Path, kind: str, advice: str) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {str(path)!r}: {advice}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickles than torch's own
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # its reader of pickles raises whatever the bytes of a foreign file lead to
        raise _no_checkpoint(path, error, advice) from error
    found = content if isinstance(content, dict) else {}
    if found.get("format") != FORMAT or found.get("kind") != kind:
        raise CheckpointError(
            f"{str(path)!r} is {found.get('kind')} of checkpoint format {found.get('format')}, wanted is {kind} of "
            f"format {FORMAT}: {advice}"
        )
    return found
