"""Checkpoints: the weights of a trial with all that is needed to use them again, as tensors and plain values only."""

import os
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from datasets.errors import IceBenchError
from datasets.normalize import Normalization
from training.heads import n_outputs
from training.models import build_model
from training.spec import TrialSpec

FORMAT = 1


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
        fresh = self.spec.model.model_copy(update={"pretrained": None})  # the file of weights need not be here
        network = build_model(
            fresh, task=self.spec.data.task, in_channels=len(self.spec.data.channels), n_outputs=n_outputs(self.spec)
        )
        network.load_state_dict(self.state)
        return network.eval()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file in one step: a reader, or a crash, sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        torch.save(
            {
                "format": FORMAT,
                "spec": checkpoint.spec.to_dict(),
                "normalization": checkpoint.normalization.to_dict(),
                "epoch": checkpoint.epoch,
                "state": checkpoint.state,
            },
            file,
        )
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint without running any code from it; raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {str(path)!r}: give the best.pt of a finished trial")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{str(path)!r} cannot be read as a checkpoint ({reason}): train the trial again"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise CheckpointError(
            f"{str(path)!r} is of checkpoint format {found}, this code reads format {FORMAT}: use the matching version"
        )
    return Checkpoint(
        spec=TrialSpec.from_dict(content["spec"]),
        normalization=Normalization.from_dict(content["normalization"]),
        epoch=content["epoch"],
        state=content["state"],
    )
