"""What reads a lake for the network of one trial: whole scenes window by window, and batches of patches."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batch import Window
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from datasets.loading.resident import ResidentScenes
from datasets.loading.scene_inputs import SceneInputs, read_inputs
from datasets.loading.scene_reader import SceneReader
from training.spec import DataSpec


@dataclass(frozen=True, kw_only=True)
class NetworkInputs:
    """Scenes of a lake as a network sees them.

    Attributes:
        reader: Reads scenes in this process: the ratio, channels and charts of the trial.
        normalization: Channel statistics of training scenes.
        assemble: Makes inputs (B, C, H, W) float32, normalized, on the device from what was read.
        device: Where the network computes.
        resident: Scenes that the device holds; others are read from the lake.
    """

    reader: SceneReader
    normalization: Normalization
    assemble: Assembler
    device: torch.device
    resident: ResidentScenes | None = None

    @classmethod
    def of(
        cls, data: DataSpec, lake: Lake, normalization: Normalization, device: torch.device, cache: NodeCache | None
    ) -> "NetworkInputs":
        """The inputs that `data` describes; the channels that are read are those of the normalization, the network's.

        `cache` holds decoded arrays of this node, None reads from the lake.
        """
        return cls(
            reader=SceneReader(
                lake,
                ratio=data.ratio,
                channels=tuple(dict.fromkeys(normalization.channels)),
                targets=data.targets,
                cache=cache,
                dominance=data.dominance,
            ),
            normalization=normalization,
            assemble=Assembler(normalization, ratio=data.ratio, device=device),
            device=device,
        )

    def scene(self, scene_id: str) -> SceneInputs:
        """A whole scene."""
        return SceneInputs(self.reader, scene_id, self.assemble, self.device, self.resident)

    def patches(self, windows: Sequence[Window], size: int) -> torch.Tensor:
        """Inputs (B, C, size, size) of patches."""
        return read_inputs(self.reader, windows, (size, size), self.assemble, self.device, self.resident)
